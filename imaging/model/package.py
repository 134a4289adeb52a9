"""Model packages: ONNX weights and a declarative ``model.json``, data and nothing else.

A package is a folder or a zip. ``model.json`` names every file with its SHA-256, says what goes
into the network and what its outputs mean, and carries the calibration. Unknown keys, wrong digests
and anything that could be executed are refused. The ``configs/metadata.json`` of a MONAI bundle and
its ONNX file can be read too; its configuration and scripts are never looked at.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from calx.imaging.errors import ImagingError
from calx.imaging.facts.calibration import Calibration
from calx.imaging.model.grid import CURVES, FLAGS

SHIPPED = Path(__file__).parents[1] / "models" / "calx-ivus-sim"
FORMAT = "calx-model-1"
LARGEST = 512 << 20
EXECUTABLE = {
    ".bin",
    ".ckpt",
    ".dll",
    ".dylib",
    ".exe",
    ".joblib",
    ".jl",
    ".npy",
    ".pickle",
    ".pkl",
    ".pt",
    ".pth",
    ".py",
    ".pyc",
    ".sh",
    ".so",
    ".ts",
}
"""Endings of files that hold code, or data whose reading can run some."""
LABELS = ("background", "lumen", "wall", "calcium", "shadow", "branch", "wire", "strut")
"""What a pixel can be called by a network that labels pixels."""
SYNONYMS = {
    "outside": "background",
    "media": "wall",
    "plaque": "wall",
    "plaque+media": "wall",
    "eem": "wall",
    "vessel": "wall",
    "side branch": "branch",
    "guidewire": "wire",
    "guide wire": "wire",
    "stent": "strut",
    "stent strut": "strut",
}


@dataclass(frozen=True)
class Input:
    """What a network wants to see.

    Attributes:
        name: of the ONNX input.
        kind: ``polar`` (lines around the centre) or ``image`` (the frame as it is, resized).
        size: lines and depths, or rows and columns.
        reach_mm: length of a line, for ``polar``.
        channels: 1, or 3 equal ones.
        range: values of black and white.
        mirrored: the network also looks at the frame's mirror image, and the two answers are
            averaged; for ``lines`` outputs.
        normalised: black and white are those of the recording, not of the file; for ``polar``.
    """

    name: str
    kind: Literal["polar", "image"]
    size: tuple[int, int]
    reach_mm: float | None = None
    channels: int = 1
    range: tuple[float, float] = (0.0, 1.0)
    mirrored: bool = False
    normalised: bool = False


@dataclass(frozen=True)
class Output:
    """What a network says.

    Attributes:
        name: of the ONNX output.
        kind: ``lines``: ``(frames, 2 * curves + flags, lines)``, mean radii as fractions of the
            reach, their deviations, then probabilities;
            ``labels``: ``(frames, labels, rows, columns)``, a score for each label of a pixel.
        curves: names, for ``lines``.
        flags: names, for ``lines``.
        labels: name of each channel, for ``labels``.
    """

    name: str
    kind: Literal["lines", "labels"]
    curves: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Package:
    """A model that may be run.

    Attributes:
        id: its name.
        version: its version.
        digest: SHA-256 of ``model.json``, which holds the digests of the weights.
        title: what it is, in words.
        licence: under which it may be used.
        intended_use: for what.
        training_data: from what it learnt.
        input: what it wants to see.
        output: what it says.
        calibration: how far to trust it.
        domain: for each statistic of a frame the range that was met in training; outside it, the
            model abstains.
        metrics: what was measured of it, with the data named.
        known_failures: where it is known to err.
        weights: gives the bytes of one of its files, their digest checked.
        files: names of the files and their digests.
    """

    id: str
    version: str
    digest: str
    title: str
    licence: str
    intended_use: str
    training_data: str
    input: Input
    output: Output
    calibration: Calibration
    domain: Mapping[str, tuple[float, float]]
    metrics: Mapping[str, Any]
    known_failures: tuple[str, ...]
    weights: Callable[[str], bytes]
    files: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> dict[str, str]:
        """How facts name it."""
        return {"id": self.id, "version": self.version, "digest": f"sha256:{self.digest}"}


def load(path: Path = SHIPPED) -> Package:
    """Read a package.

    Raises:
        ImagingError: it is no package, or one that is refused; the message says why.
    """
    names, read = _opened(path)
    if "model.json" in names:
        dangerous = sorted(
            name for name in names if PurePosixPath(name).suffix.lower() in EXECUTABLE
        )
        if dangerous:
            raise ImagingError(
                (
                    f"refused: {dangerous[0]} can hold code; a package holds model.json, ONNX and "
                    "safetensors only"
                ),
                path,
            )
        return _declared(path, read)
    if "configs/metadata.json" in names:
        return _bundle(path, names, read)
    if any(PurePosixPath(name).suffix.lower() in EXECUTABLE for name in names):
        raise ImagingError(
            (
                "refused: pickled or executable weights; export the network to ONNX and describe "
                "it in model.json"
            ),
            path,
        )
    raise ImagingError(
        (
            "no model.json in it; the package that comes with Calx (calx/imaging/models) shows "
            "what it must say"
        ),
        path,
    )


def _opened(path: Path) -> tuple[set[str], Callable[[str], bytes]]:
    """The names in a folder or zip, and what reads one of them."""
    if path.is_dir():
        names = {
            file.relative_to(path).as_posix()
            for file in path.rglob("*")
            if file.is_file() and not file.is_symlink()
        }

        def from_folder(name: str) -> bytes:
            file = path / name
            if name not in names:
                raise ImagingError(f"{name} is missing", path)
            if file.stat().st_size > LARGEST:
                raise ImagingError(f"{name} is larger than {LARGEST >> 20} MiB", path)
            return file.read_bytes()

        return names, from_folder
    if path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            sizes = {
                info.filename: info.file_size for info in archive.infolist() if not info.is_dir()
            }

        def from_zip(name: str) -> bytes:
            if name not in sizes:
                raise ImagingError(f"{name} is missing", path)
            if sizes[name] > LARGEST:
                raise ImagingError(f"{name} is larger than {LARGEST >> 20} MiB", path)
            with zipfile.ZipFile(path) as archive:
                return archive.read(name)

        return set(sizes), from_zip
    if path.suffix.lower() in EXECUTABLE:
        raise ImagingError(
            (
                "refused: pickled or executable weights; export the network to ONNX and describe "
                "it in model.json"
            ),
            path,
        )
    raise ImagingError("no model package: a folder or zip with model.json", path)


def _json(raw: bytes, name: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError as error:
        raise ImagingError(f"{name} is no JSON: {error}", path) from None
    if not isinstance(found, dict):
        raise ImagingError(f"{name} is no JSON object", path)
    return found


Part = TypeVar("Part")

REQUIRED = {
    "format",
    "id",
    "version",
    "title",
    "licence",
    "intended_use",
    "training_data",
    "files",
    "input",
    "output",
}
OPTIONAL = {"calibration", "domain", "metrics", "known_failures"}


def _declared(path: Path, read: Callable[[str], bytes]) -> Package:
    raw = read("model.json")
    model = _json(raw, "model.json", path)
    unknown, missing = sorted(set(model) - REQUIRED - OPTIONAL), sorted(REQUIRED - set(model))
    if unknown or missing:
        wrong = {"unknown": unknown, "missing": missing}
        told = "; ".join(f"{which} keys {', '.join(keys)}" for which, keys in wrong.items() if keys)
        raise ImagingError(f"model.json is refused: {told}", path)
    if model["format"] != FORMAT:
        raise ImagingError(
            f"model.json has format {model['format']!r}; this version reads {FORMAT!r}", path
        )
    files = {str(name): str(value) for name, value in model["files"].items()}
    if "model.onnx" not in files:
        raise ImagingError("model.json names no model.onnx", path)

    def weights(name: str) -> bytes:
        if name not in files:
            raise ImagingError(f"the package has no {name}", path)
        content = read(name)
        if hashlib.sha256(content).hexdigest() != files[name].removeprefix("sha256:"):
            raise ImagingError(
                f"refused: {name} is not the file that model.json describes (its digest differs)",
                path,
            )
        return content

    try:
        took, gave = _strict(Input, model["input"]), _strict(Output, model["output"])
        calibration = _strict(Calibration, model.get("calibration", {}))
        domain = {
            str(name): (float(low), float(high))
            for name, (low, high) in model.get("domain", {}).items()
        }
    except (TypeError, ValueError) as error:
        raise ImagingError(f"model.json is refused: {error}", path) from None
    _meaningful(took, gave, path)
    return Package(
        **{
            name: str(model[name])
            for name in ("id", "version", "title", "licence", "intended_use", "training_data")
        },
        digest=hashlib.sha256(raw).hexdigest(),
        input=took,
        output=gave,
        calibration=calibration,
        domain=domain,
        metrics=model.get("metrics", {}),
        known_failures=tuple(model.get("known_failures", ())),
        weights=weights,
        files=files,
    )


def _strict(kind: type[Part], raw: dict[str, Any]) -> Part:
    """A part of model.json with exactly known keys; lists become tuples."""
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(raw, dict) or set(raw) - known:
        raise TypeError(
            f"unknown keys {', '.join(sorted(set(raw) - known))} in {kind.__name__.lower()}"
            if isinstance(raw, dict)
            else f"{kind.__name__.lower()} is no object"
        )
    return kind(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()}
    )


def _meaningful(took: Input, gave: Output, path: Path) -> None:
    """Refuse inputs and outputs that can't be read as lines."""
    wrong = []
    if (
        took.kind not in ("polar", "image")
        or len(took.size) != 2
        or not all(isinstance(side, int) and 16 <= side <= 2048 for side in took.size)
    ):
        wrong.append("input.kind is polar or image, input.size two whole numbers of 16 to 2048")
    if took.kind == "polar" and not (took.reach_mm and 0 < took.reach_mm < 30):
        wrong.append("a polar input needs reach_mm")
    if took.kind == "image" and took.reach_mm is not None:
        wrong.append("an image input shows the whole frame: it has no reach_mm")
    if gave.kind == "labels" and took.kind != "image":
        wrong.append("labels need an image input")
    if took.mirrored and gave.kind != "lines":
        wrong.append("only networks that give lines look at mirror images")
    if took.normalised and took.kind != "polar":
        wrong.append("only polar inputs are normalised")
    if took.channels not in (1, 3):
        wrong.append("input.channels is 1 or 3")
    if gave.kind == "lines" and (
        took.kind != "polar"
        or "lumen" not in gave.curves
        or set(gave.curves) - set(CURVES)
        or set(gave.flags) - set(FLAGS)
    ):
        wrong.append(
            f"lines need a polar input, curves among {', '.join(CURVES)} with lumen, and flags "
            f"among {', '.join(FLAGS)}"
        )
    if gave.kind == "labels" and ("lumen" not in gave.labels or set(gave.labels) - set(LABELS)):
        wrong.append(f"labels are among {', '.join(LABELS)}, lumen with them")
    if gave.kind not in ("lines", "labels"):
        wrong.append("output.kind is lines or labels")
    if wrong:
        raise ImagingError("model.json is refused: " + "; ".join(wrong), path)


def _bundle(path: Path, names: set[str], read: Callable[[str], bytes]) -> Package:
    """A MONAI bundle: metadata and ONNX only."""
    raw = read("configs/metadata.json")
    data = _json(raw, "configs/metadata.json", path)
    if "models/model.onnx" not in names:
        raise ImagingError(
            (
                "this MONAI bundle holds no models/model.onnx; its other weights and its "
                "configuration are executable and are not read. Export it to ONNX"
            ),
            path,
        )
    try:
        form = data["network_data_format"]
        image, pred = next(iter(form["inputs"].items())), next(iter(form["outputs"].items()))
        size = tuple(int(side) for side in image[1]["spatial_shape"])
        span = tuple(float(end) for end in image[1].get("value_range") or (0.0, 1.0))
        channels = int(image[1]["num_channels"])
        told = {int(key): str(name).lower() for key, name in pred[1]["channel_def"].items()}
        labels = tuple(SYNONYMS.get(told[k], told[k]) for k in range(len(told)))
    except (KeyError, TypeError, ValueError, StopIteration, AttributeError):
        raise ImagingError(
            (
                "configs/metadata.json does not say what goes in and what comes out "
                "(network_data_format with spatial_shape and channel_def)"
            ),
            path,
        ) from None
    took = Input(image[0], "image", size, None, channels, span)  # type: ignore[arg-type]
    gave = Output(pred[0], "labels", labels=labels)
    _meaningful(took, gave, path)
    content = read("models/model.onnx")
    digest = hashlib.sha256(raw + content).hexdigest()
    return Package(
        id=str(data.get("name", path.stem)),
        version=str(data.get("version", "0")),
        digest=digest,
        title=str(data.get("description", "")),
        licence=str(data.get("license", data.get("copyright", "not stated"))),
        intended_use=str(data.get("intended_use", "not stated")),
        training_data=str(data.get("data_source", "not stated")),
        input=took,
        output=gave,
        calibration=Calibration(source="none: the bundle carries no calibration"),
        domain={},
        metrics=data.get("eval_metrics", {})
        if isinstance(data.get("eval_metrics", {}), dict)
        else {},
        known_failures=(),
        weights=lambda name: content,
        files={"model.onnx": hashlib.sha256(content).hexdigest()},
    )
