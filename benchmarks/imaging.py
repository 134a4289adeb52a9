"""Reading recordings: milliseconds a frame beside a plain U-Net of the same size, memory of a long
recording, and the GPU where there is one.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from calx.imaging.model.accelerated import Accelerated
from calx.imaging.model.grid import DEPTHS, LINES, REACH_MM
from calx.imaging.model.network import Network
from calx.imaging.model.package import SHIPPED, load
from calx.imaging.model.runtime import Onnx
from calx.imaging.polar import to_polar
from calx.imaging.simulator import dicom, simulate

from .processes import calx

ROUNDS, FRAMES, LONG = 7, 12, 3000


class Plain(nn.Module):
    """A U-Net as it is usually written: two convolutions
    a level, full resolution throughout, a label a pixel.
    """

    def __init__(self, widths: tuple[int, ...] = (11, 22, 44, 88), labels: int = 6) -> None:
        super().__init__()

        def once(inside: int, outside: int) -> list[nn.Module]:
            return [nn.Conv2d(inside, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU()]

        def twice(inside: int, outside: int) -> nn.Sequential:
            return nn.Sequential(*once(inside, outside), *once(outside, outside))

        self.down = nn.ModuleList(
            [
                twice(1, widths[0]),
                *(twice(a, b) for a, b in zip(widths, [*widths[1:], 2 * widths[-1]], strict=False)),
            ]
        )
        self.up = nn.ModuleList([twice(3 * width, width) for width in widths])
        self.head = nn.Conv2d(widths[0], labels, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """``(n, 1, rows, columns)`` to ``(n, labels, rows, columns)``."""
        kept = []
        for level, down in enumerate(self.down):
            x = down(x if level == 0 else self.pool(x))
            kept.append(x)
        for level in range(len(self.up) - 1, -1, -1):
            x = self.up[level](
                torch.cat([nn.functional.interpolate(x, scale_factor=2.0), kept[level]], dim=1)
            )
        labels: Tensor = self.head(x)
        return labels


def parameters(network: nn.Module) -> float:
    """Millions of parameters."""
    return sum(part.numel() for part in network.parameters()) / 1e6


def timed(
    works: dict[str, Callable[[NDArray[np.float32]], object]], frames: NDArray[np.float32]
) -> dict[str, float]:
    """Median milliseconds a frame of each; every round runs them all."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            work(frames[:1])
            started = time.perf_counter()
            for frame in frames:
                work(frame[None])
            times[name].append((time.perf_counter() - started) / len(frames) * 1000)
    return {name: float(np.median(values)) for name, values in times.items()}


def of_torch(network: nn.Module, threads: int) -> Callable[[NDArray[np.float32]], object]:
    """A network run eagerly."""

    def run(frames: NDArray[np.float32]) -> object:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return network(torch.from_numpy(frames))

    return run


def report(console: Console) -> None:
    """Measure and print."""
    model = load(SHIPPED)
    recording = simulate(77, 12.0, 1.0, 40)
    images = [recording.frame(k)[0] for k in range(FRAMES)]
    middle = (recording.display.size - 1) / 2
    plan = to_polar(
        images[0].shape, (middle, middle), recording.display.scale, LINES, DEPTHS, REACH_MM
    )
    started = time.perf_counter()
    frames = np.stack([plan(image) / 255 for image in images])[:, None].astype(np.float32)
    remap = (time.perf_counter() - started) / FRAMES * 1000
    plain = Plain().eval()
    table = Table(
        title=(
            f"milliseconds a frame, one at a time ({parameters(Network()):.2f} M parameters; "
            f"plain U-Net {parameters(plain):.2f} M)"
        )
    )
    for column in (
        "threads",
        "Calx fp32",
        "Calx int8",
        "plain U-Net, torch fp32",
        "plain / Calx fp32",
        "fp32 / int8",
    ):
        table.add_column(column, justify="right")
    for threads in (1, 2):
        works: dict[str, Callable[[NDArray[np.float32]], object]] = {
            "fp32": Onnx(model, threads=threads),
            "int8": Onnx(model, threads=threads, int8=True),
            "plain": of_torch(plain, threads),
        }
        found = timed(works, frames)
        cells = [
            found["fp32"],
            found["int8"],
            found["plain"],
            found["plain"] / found["fp32"],
            found["fp32"] / found["int8"],
        ]
        table.add_row(str(threads), *(f"{value:.1f}" for value in cells))
    console.print(table)
    console.print(f"resampling a frame to lines: {remap:.1f} ms")
    console.print(whole())
    console.print(
        on_gpu() if torch.cuda.is_available() else "GPU: none here, so nothing was measured on one"
    )


def whole() -> str:
    """The command line on a long recording: frames a
    second from file to facts, and its largest memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.dcm"
        recording = simulate(78, 30.0, 4.0, 40)
        once = [recording.display.show(*recording.envelope(k)) for k in range(len(recording))]
        long = dicom.dataset(recording, [once[k % len(once)] for k in range(LONG)])
        long.FrameTime = "20"
        long.save_as(path, enforce_file_format=True)
        size = path.stat().st_size / 2**20
        del long, once
        told = []
        for more in ([], ["--int8"]):
            took, peak = calx(
                "segment", path, "--facts", f"{folder}/facts.json", "--device", "cpu", *more
            )
            speed = (
                f"{LONG} frames ({size:.0f} MiB) in {took:.0f} s, {LONG / took:.0f} frames/s "
                f"on {os.cpu_count()} cores"
            )
            told.append(f"calx segment{' --int8' if more else ''}: {speed}, at most {peak:.0f} MiB")
        return "\n".join(told)


def on_gpu() -> str:
    """Frames a second of the network alone and from host memory, beside the device's own matrix
    rate and copy bandwidth.
    """
    device = torch.device("cuda")
    side = 8192
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))

    def seconds(work: Callable[[], Any], times: int) -> float:
        for _ in range(3):
            work()
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(times):
            work()
        torch.cuda.synchronize()
        return (time.perf_counter() - started) / times

    matrix = 2 * side**3 / seconds(lambda: a @ b, 20)
    buffer = torch.empty(2**28, dtype=torch.float32, device=device)
    copy = 2 * buffer.numel() * 4 / seconds(lambda: buffer.clone(), 10)
    runner = Accelerated(load(SHIPPED), "cuda")
    batch = 256
    host = np.random.default_rng(0).random((batch, 1, LINES, DEPTHS), np.float32)
    there = torch.from_numpy(host).to(device).contiguous(memory_format=torch.channels_last)

    def alone() -> None:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            runner.lines(there)

    network = batch / seconds(alone, 20)
    end = batch / seconds(lambda: runner(host), 10)
    work = operations() * network / matrix
    return (
        f"GPU {torch.cuda.get_device_name()}: network alone {network:,.0f} frames/s ({work:.1%} "
        f"of {matrix / 1e12:.0f} TFLOP/s measured), "
        f"from host memory {end:,.0f} frames/s ({end * host[0].nbytes / copy:.2%} of "
        f"{copy / 1e9:.0f} GB/s copy)"
    )


def operations() -> float:
    """Floating-point operations of the network for
    a frame, counted by hooks on its convolutions.
    """
    total = 0.0

    def count(layer: nn.Module, _: object, out: Tensor) -> None:
        nonlocal total
        weight: Any = layer.weight
        total += 2 * out.numel() * weight[0].numel()

    network = Network().eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv1d):
            layer.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 1, LINES, DEPTHS))
    return total


__all__ = ["report"]
