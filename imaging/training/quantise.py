"""Eight-bit weights and activations for processors, calibrated on training frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from calx.imaging.training.data import Frames

FRAMES = 64
"""Frames on which the ranges of activations are read."""


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # the base is untyped
    def __init__(self, grey: NDArray[np.uint8]) -> None:
        self._left = iter(grey)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """One frame, until there are no more."""
        frame = next(self._left, None)
        return None if frame is None else {"grey": frame[None, None].astype(np.float32) / 255}


def quantise(folder: Path, learnt: Frames) -> None:
    """Write ``model.int8.onnx`` from ``model.onnx``; only convolutions are quantised, the reading
    of curves stays exact.
    """
    prepared = folder / ".prepared.onnx"
    quant_pre_process(str(folder / "model.onnx"), str(prepared), skip_symbolic_shape=True)
    chosen = learnt.grey[np.linspace(0, len(learnt) - 1, FRAMES).astype(int)]
    quantize_static(
        str(prepared),
        str(folder / "model.int8.onnx"),
        _Reader(chosen),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    prepared.unlink()
