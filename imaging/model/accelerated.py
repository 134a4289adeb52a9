"""The shipped network on an accelerator with torch:
the same weights in bf16, whole batches at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from calx.imaging.errors import ImagingError
from calx.imaging.model.levels import Levels
from calx.imaging.model.package import Package
from calx.imaging.polar import Plan

Array = NDArray[np.float32]


class Accelerated:
    """Runs a package's safetensors weights; needs torch."""

    def __init__(self, package: Package, device: str = "cuda", *, bf16: bool = True) -> None:
        import torch
        from safetensors.torch import load

        from calx.imaging.model.network import Lines, Network

        self._torch = torch
        self._kind = torch.bfloat16 if bf16 else torch.float32
        network = Network()
        try:
            network.load_state_dict(
                {
                    name: value.float() if value.is_floating_point() else value
                    for name, value in load(package.weights("model.safetensors")).items()
                }
            )
        except (RuntimeError, ValueError) as error:
            raise ImagingError(
                f"model.safetensors does not fit the network: {' '.join(str(error).split())[:160]}"
            ) from None
        self.lines: Any = Lines(network).eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # declared for tensors only
        self._place = device
        self._plan: Plan | None = None
        name = torch.cuda.get_device_name() if device.startswith("cuda") else device
        self.device = f"{name} (torch {torch.__version__}, {'bf16' if bf16 else 'fp32'})"

    def remapped(
        self, frames: NDArray[np.uint8], plan: Plan, levels: Levels, *, mirrored: bool = False
    ) -> tuple[Array, Array]:
        """Frames ``(n, rows, columns)`` to their lines as the network sees them, and to its
        answers; resampled on the device by the same plan.
        """
        torch = self._torch
        with torch.inference_mode():
            if self._plan is not plan:
                self._plan = plan
                self._corners = torch.from_numpy(plan.corners.astype(np.int64)).to(self._place)
                self._weights = torch.from_numpy(plan.weights).to(self._place)
            flat = (
                torch.from_numpy(frames)
                .to(self._place, non_blocking=True)
                .reshape(len(frames), -1)
                .float()
            )
            images = sum(
                flat[:, self._corners[k].reshape(-1)] * self._weights[k].reshape(1, -1)
                for k in range(4)
            )
            images = ((images - levels.black) / (levels.white - levels.black)).clamp(0, 1)
            images = images.reshape(len(frames), 1, *plan.shape)
            with torch.autocast(
                self._place.split(":")[0], self._kind, enabled=self._kind is torch.bfloat16
            ):
                seen = torch.cat([images, images.flip(2)]) if mirrored else images
                found = self.lines(seen.contiguous(memory_format=torch.channels_last))
        return images[:, 0].cpu().numpy(), found.float().cpu().numpy()

    def __call__(self, images: Array) -> Array:
        """``(n, 1, lines, depths)`` to ``(n, rows, lines)``."""
        torch = self._torch
        with (
            torch.inference_mode(),
            torch.autocast(
                self._place.split(":")[0], self._kind, enabled=self._kind is torch.bfloat16
            ),
        ):
            batch = torch.from_numpy(images)
            if self._place.startswith("cuda"):
                batch = batch.pin_memory()
            found = self.lines(
                batch.to(self._place, non_blocking=True).contiguous(
                    memory_format=torch.channels_last
                )
            )
        result: Array = found.float().cpu().numpy()
        return result
