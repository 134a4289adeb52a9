"""Model packages are data: what is accepted, what is refused, and that nothing in them is ever executed."""

from __future__ import annotations

import hashlib
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from calx.imaging.errors import ImagingError
from calx.imaging.facts.curves import Curves
from calx.imaging.model.package import SHIPPED, load
from calx.imaging.reading import Asked, read

LABELS = ("background", "lumen", "wall", "calcium")


def labelling(side: int = 128) -> bytes:
    """A network that calls dark pixels lumen, grey ones wall and white ones calcium, by their grey level alone, and
    what lies further out than any wall background.
    """
    weights = np.array([-100.0, -30.0, 0.0, 60.0], np.float32).reshape(4, 1, 1, 1)
    bias = np.array([0.0, 5.0, 0.0, -50.0], np.float32)
    y, x = np.indices((side, side)) - (side - 1) / 2
    far = np.zeros((1, 4, side, side), np.float32)
    far[0, 0] = np.where(np.hypot(x, y) > 0.42 * side / 2, 300.0, 0.0)
    nodes = [
        helper.make_node("Conv", ["image", "w", "b"], ["grey"]),
        helper.make_node("Add", ["grey", "far"], ["pred"]),
    ]
    graph = helper.make_graph(
        nodes,
        "labels",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, side, side])],
        [helper.make_tensor_value_info("pred", TensorProto.FLOAT, ["n", 4, side, side])],
        [
            numpy_helper.from_array(weights, "w"),
            numpy_helper.from_array(bias, "b"),
            numpy_helper.from_array(far, "far"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def described(weights: bytes, **more: Any) -> dict[str, Any]:
    return {
        "format": "calx-model-1",
        "id": "site",
        "version": "3",
        "title": "A site's own",
        "licence": "theirs",
        "intended_use": "tests",
        "training_data": "none",
        "files": {"model.onnx": "sha256:" + hashlib.sha256(weights).hexdigest()},
        "input": {"name": "image", "kind": "image", "size": [128, 128]},
        "output": {"name": "pred", "kind": "labels", "labels": list(LABELS)},
        **more,
    }


@pytest.fixture
def package(tmp_path: Path) -> Callable[..., Path]:
    """A site's package, with what its description says beside."""

    def write(weights: bytes | None = None, **more: Any) -> Path:
        folder = tmp_path / "package"
        folder.mkdir(exist_ok=True)
        weights = labelling() if weights is None else weights
        (folder / "model.onnx").write_bytes(weights)
        (folder / "model.json").write_text(json.dumps(described(weights, **more)))
        return folder

    return write


def test_the_shipped_package_is_whole() -> None:
    model = load(SHIPPED)
    for name in model.files:
        assert model.weights(name)
    sizes = sum((SHIPPED / name).stat().st_size for name in model.files)
    assert sizes <= 12_000_000
    assert model.known_failures
    assert "Not for clinical use" in model.intended_use


def test_a_site_s_own_network_reads_a_recording(
    package: Callable[..., Path], made: tuple[Path, Curves]
) -> None:
    found = read(made[0], Asked(model=package(), device="cpu"))
    assert found.run is not None
    assert found.findings.provenance["model"]["id"] == "site"
    assert np.isfinite(found.findings.readings.lumen_area.value).all()


def test_a_network_without_a_word_for_calcium_says_nothing_of_it(
    package: Callable[..., Path], made: tuple[Path, Curves]
) -> None:
    labels = {"name": "pred", "kind": "labels", "labels": ["background", "lumen", "wall", "strut"]}
    found = read(made[0], Asked(model=package(output=labels), device="cpu"))
    item = found.findings.facts["calcium_present"]
    assert (item.value, item.status) == (None, "refused")
    assert "not drawn" in item.reason


def test_a_zip_is_as_good_as_a_folder(package: Callable[..., Path], tmp_path: Path) -> None:
    folder = package()
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert (
        load(tmp_path / "package.zip").weights("model.onnx") == (folder / "model.onnx").read_bytes()
    )


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"entry_point": "os:system"}, "unknown keys entry_point"),
        (
            {"input": {"name": "image", "kind": "image", "size": [128, 128], "code": "1"}},
            "unknown keys code",
        ),
        ({"format": "calx-model-9"}, "format"),
        ({"files": {"model.onnx": "sha256:" + "0" * 64}}, "digest differs"),
        ({"files": {"../model.onnx": "0"}}, "names no model.onnx"),
        (
            {"output": {"name": "pred", "kind": "labels", "labels": ["lumen", "moon"]}},
            "labels are among",
        ),
        (
            {"output": {"name": "pred", "kind": "lines", "curves": ["lumen"]}},
            "lines need a polar input",
        ),
        ({"input": {"name": "image", "kind": "polar", "size": [128, 128]}}, "reach_mm"),
        ({"input": {"name": "image", "kind": "image", "size": [128, 10**6]}}, "size"),
        (
            {"input": {"name": "other", "kind": "image", "size": [128, 128]}},
            "not those that its description names",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_refused(
    package: Callable[..., Path], made: tuple[Path, Curves], more: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ImagingError, match=reason):
        read(made[0], Asked(model=package(**more), device="cpu"))


def test_a_missing_key_is_named(package: Callable[..., Path]) -> None:
    folder = package()
    told = json.loads((folder / "model.json").read_text())
    del told["licence"]
    (folder / "model.json").write_text(json.dumps(told))
    with pytest.raises(ImagingError, match="missing keys licence"):
        load(folder)


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (self.mark, "w")


@pytest.mark.parametrize("name", ["model.pt", "weights.pkl", "model.ts", "setup.py", "lib/evil.so"])
def test_files_that_can_hold_code_are_refused_and_not_opened(
    package: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    folder, mark = package(), tmp_path / "executed"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(pickle.dumps(Trap(str(mark))))
    with pytest.raises(ImagingError, match="can hold code"):
        load(folder)
    assert not mark.exists()


def test_pickled_weights_alone_are_refused(tmp_path: Path) -> None:
    mark, path = tmp_path / "executed", tmp_path / "model.pt"
    path.write_bytes(pickle.dumps(Trap(str(mark))))
    with pytest.raises(ImagingError, match="pickled"):
        load(path)
    (tmp_path / "folder").mkdir()
    path.rename(tmp_path / "folder" / "model.pt")
    with pytest.raises(ImagingError, match="pickled"):
        load(tmp_path / "folder")
    assert not mark.exists()


def test_weights_that_are_no_network_are_told(
    package: Callable[..., Path], made: tuple[Path, Curves]
) -> None:
    with pytest.raises(ImagingError, match="can't load"):
        read(made[0], Asked(model=package(b"no network"), device="cpu"))


def bundle(folder: Path, *, with_onnx: bool = True) -> Path:
    """A MONAI bundle whose configuration would execute code."""
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    mark = str(folder / "executed")
    (folder / "configs" / "inference.json").write_text(
        json.dumps(
            {
                "imports": [f"$open({mark!r}, 'w')"],
                "network": {"_target_": "os.system", "command": f"touch {mark}"},
            }
        )
    )
    (folder / "models" / "model.pt").write_bytes(pickle.dumps(Trap(mark)))
    if with_onnx:
        (folder / "models" / "model.onnx").write_bytes(labelling())
    metadata = {
        "name": "ivus",
        "version": "0.2.0",
        "intended_use": "research",
        "network_data_format": {
            "inputs": {
                "image": {"num_channels": 1, "spatial_shape": [128, 128], "value_range": [0, 1]}
            },
            "outputs": {
                "pred": {
                    "num_channels": 4,
                    "channel_def": {"0": "background", "1": "lumen", "2": "media", "3": "calcium"},
                }
            },
        },
    }
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    return folder


def test_of_a_monai_bundle_metadata_and_onnx_are_read_and_nothing_is_executed(
    tmp_path: Path, made: tuple[Path, Curves]
) -> None:
    found = read(made[0], Asked(model=bundle(tmp_path / "bundle"), device="cpu"))
    assert found.findings.provenance["model"]["id"] == "ivus"
    assert not (tmp_path / "bundle" / "executed").exists()


def test_a_monai_bundle_without_onnx_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImagingError, match="executable and are not read"):
        load(bundle(tmp_path / "bundle", with_onnx=False))
    assert not (tmp_path / "bundle" / "executed").exists()
