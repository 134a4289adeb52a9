"""What would a pullback look like whose truth is known? Polar ultrasound of vessels drawn from a
seed, physically motivated.

May use `imaging.model`, and what those may.
"""

from calx.imaging.simulator.recording import SimulatedRecording, simulate

__all__ = ["SimulatedRecording", "simulate"]
