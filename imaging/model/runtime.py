"""What runs a network: ONNX Runtime on the processor
or through CUDA, or torch on an accelerator.
"""

from __future__ import annotations

import os
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.model.levels import Levels
from calx.imaging.model.package import Package
from calx.imaging.polar import Plan

Array = NDArray[np.float32]


class Backend(Protocol):
    """What runs a network."""

    device: str

    def __call__(self, images: Array) -> Array:
        """``(n, channels, rows, columns)`` to the network's output."""


@runtime_checkable
class Remapping(Protocol):
    """A backend that takes frames as they are and resamples them to lines itself."""

    def remapped(
        self, frames: NDArray[np.uint8], plan: Plan, levels: Levels, *, mirrored: bool
    ) -> tuple[Array, Array]:
        """``(n, rows, columns)`` to lines, between black and white, and answers; with ``mirrored``,
        those of the mirror images follow.
        """


class Onnx:
    """ONNX Runtime, on the processor or through its CUDA provider."""

    def __init__(
        self,
        package: Package,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        threads: int | None = None,
        int8: bool = False,
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or free_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", "0" if (threads or free_cores()) > 1 else "1"
        )
        providers = (
            ["CUDAExecutionProvider", "CPUExecutionProvider"]
            if device == "cuda"
            else ["CPUExecutionProvider"]
        )
        name = "model.int8.onnx" if int8 else "model.onnx"
        try:
            self._session = onnxruntime.InferenceSession(
                package.weights(name), options, providers=providers
            )
        except ImagingError:
            raise
        except Exception as error:  # the runtime raises its own kinds, which share no base
            raise ImagingError(
                f"the runtime can't load {name}: {' '.join(str(error).split())[:200]}"
            ) from None
        inputs, outputs = (
            {item.name for item in self._session.get_inputs()},
            {item.name for item in self._session.get_outputs()},
        )
        if package.input.name not in inputs or package.output.name not in outputs:
            raise ImagingError(
                f"{name} has inputs {', '.join(sorted(inputs))} and outputs "
                f"{', '.join(sorted(outputs))}, not those that its description names"
            )
        self._input, self._output = package.input.name, package.output.name
        used = self._session.get_providers()[0].removesuffix("ExecutionProvider").lower()
        self.device = (
            f"{used} (ONNX Runtime {onnxruntime.__version__}, "
            f"{'int8' if int8 else 'fp32'}, {options.intra_op_num_threads} threads)"
        )

    def __call__(self, images: Array) -> Array:
        """Run the network."""
        try:
            found: Array = self._session.run([self._output], {self._input: images})[0]
        except Exception as error:  # as above
            raise ImagingError(
                "the network can't be run on frames of this shape: "
                f"{' '.join(str(error).split())[:200]}"
            ) from None
        return found


def free_cores() -> int:
    """Cores that this process may use, at most four: more gain little and disturb others."""
    usable = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(4, usable))


def backend(
    package: Package, device: str = "auto", threads: int | None = None, *, int8: bool = False
) -> Backend:
    """The runtime for a device.

    Args:
        package: the model.
        device: ``cpu``; ``cuda``, where it is missing that is an error; ``auto``: cuda where there
            is one.
        threads: of the processor.
        int8: the quantised weights.

    Raises:
        ImagingError: the device is not there.
    """
    if device == "cpu" or (int8 and device == "auto"):
        return Onnx(package, threads=threads, int8=int8)
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        return Onnx(package, device="cuda", threads=threads)
    try:
        import torch

        if torch.cuda.is_available() and "model.safetensors" in package.files:
            from calx.imaging.model.accelerated import Accelerated

            return Accelerated(package, "cuda")
    except ImportError:
        pass
    if device == "cuda":
        raise ImagingError(
            "no CUDA device: install onnxruntime-gpu or torch with CUDA, or choose --device cpu "
            "(--int8 is the faster there)"
        )
    return Onnx(package, threads=threads, int8=int8)
