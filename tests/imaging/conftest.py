"""Simulated recordings made once for all tests of a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from calx.imaging.facts.curves import Curves
from calx.imaging.simulator import SimulatedRecording, dicom, simulate

SEED = 4_000_011
"""Of the recording that most tests read; not among the seeds of training, calibration or testing."""


@pytest.fixture(scope="session")
def recording() -> SimulatedRecording:
    return simulate(SEED, 10.0, 3.0, 40)


@pytest.fixture(scope="session")
def made(
    recording: SimulatedRecording, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Curves]:
    """The recording as a DICOM file, and its truth."""
    path = tmp_path_factory.mktemp("recording") / "pullback.dcm"
    return path, dicom.write(recording, path)
