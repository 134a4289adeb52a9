"""Simulated pullbacks with truth: physically motivated polar ultrasound of vessels drawn from a seed."""

from .recording import Recording, simulate

__all__ = ["Recording", "simulate"]
