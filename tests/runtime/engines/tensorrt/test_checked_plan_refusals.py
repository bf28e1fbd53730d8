"""A plan is code: what is not certain to be ours, whole and for this machine is refused before it is deserialised."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import EngineUnavailable, MismatchError, ModelError, VideoBertError
from videobert.engines.base import EngineOptions
from videobert.engines.tensorrt import engine as engine_module
from videobert.engines.tensorrt.engine import TensorRtEngine
from videobert.model.folder import ModelFolder


def change_a_byte(place: Path) -> None:
    path = place / "encoder.plan"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def cut(place: Path) -> None:
    path = place / "encoder.plan"
    path.write_bytes(path.read_bytes()[:-1])


def change_the_sidecar(place: Path) -> None:
    path = place / "backbone.json"
    path.write_text(path.read_text().replace("fp16", "fp32"))


def let_others_write(place: Path) -> None:
    (place / "backbone.plan").chmod(0o666)


def let_the_group_write(place: Path) -> None:
    (place / "backbone.plan").chmod(0o664)


def link(place: Path) -> None:
    path = place / "backbone.plan"
    path.rename(place / "elsewhere")
    os.symlink(place / "elsewhere", path)


def remove(place: Path) -> None:
    (place / "text_head.plan").unlink()


def swap(place: Path) -> None:
    for kind in ("plan", "json"):
        (place / f"text_head.{kind}").write_bytes((place / f"visual_head.{kind}").read_bytes())


@pytest.mark.parametrize(
    ("damage", "error", "said"),
    [
        (change_a_byte, MismatchError, "not the one that its sidecar describes"),
        (cut, MismatchError, "not the one that its sidecar describes"),
        (change_the_sidecar, MismatchError, "sidecar is damaged or was changed"),
        (let_others_write, ModelError, "others could have changed this file"),
        (let_the_group_write, ModelError, "others could have changed this file"),
        (link, ModelError, "backbone.plan cannot be used"),
        (remove, ModelError, "text_head.plan is missing"),
        (swap, MismatchError, "for another stage"),
    ],
)
def test_damage_and_tampering(
    damage: Callable[[Path], None],
    error: type[VideoBertError],
    said: str,
    library: Any,
    place: Path,
    folder: ModelFolder,
    driver: Any,
) -> None:
    damage(place)
    with pytest.raises(error, match=said):
        TensorRtEngine(folder, EngineOptions(), driver)
    assert library.deserialised == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "1.6.0.1"}, "for another version"),
        ({"plan_version": "1.6.0.1"}, "not what its sidecar says"),
        ({"targets": ("8.6", "12.0")}, "not for this machine's GPU"),
        ({"library": "tensorrt"}, "for another library"),
        ({"graph": "0" * 64}, "built from another backbone"),
    ],
)
def test_engines_for_another_place(
    changes: dict[str, Any], said: str, library: Any, engines: Any, folder: ModelFolder, driver: Any
) -> None:
    engines(**changes)
    with pytest.raises(MismatchError, match=said):
        TensorRtEngine(folder, EngineOptions(), driver)
    assert library.deserialised == []


def test_another_gpu_than_tensorrt_built_for(make_library: Any, engines: Any, folder: ModelFolder, driver: Any) -> None:
    library = make_library(rtx=False)
    engines(rtx=False, gpu="NVIDIA L4 8.9")
    with pytest.raises(MismatchError, match=r"not for this machine's GPU; got Fake RTX 8\.9; allowed: NVIDIA L4 8\.9"):
        TensorRtEngine(folder, EngineOptions(), driver)
    assert library.deserialised == []


def test_a_precision_that_was_not_built(library: Any, place: Path, folder: ModelFolder, driver: Any) -> None:
    with pytest.raises(MismatchError, match="another precision; got fp16; allowed: fp32"):
        TensorRtEngine(folder, EngineOptions(precision="fp32"), driver)
    assert library.deserialised == []


def test_no_engines_at_all(library: Any, folder: ModelFolder, driver: Any) -> None:
    with pytest.raises(EngineUnavailable, match=r"Run `videobert build shapes --target tensorrt-rtx --sm 8\.9`"):
        TensorRtEngine(folder, EngineOptions(), driver)


def test_a_plan_that_the_library_refuses(library: Any, place: Path, folder: ModelFolder, driver: Any) -> None:
    library.refuse_plan = True
    with pytest.raises(ModelError, match="refused by tensorrt_rtx"):
        TensorRtEngine(folder, EngineOptions(), driver)


@pytest.mark.parametrize("present", [True, False])
def test_a_rebuild_where_it_was_asked_for(
    present: bool,
    library: Any,
    engines: Any,
    folder: ModelFolder,
    driver: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if present:
        engines(version="1.6.0.1")
    asked: list[tuple[Any, ...]] = []

    def build(model: ModelFolder, place: Path, **options: Any) -> None:
        asked.append((place, options))
        engines()

    monkeypatch.setattr(engine_module, "build_engines", build)
    opened = TensorRtEngine(folder, EngineOptions(rebuild_engines=True), driver)
    opened.close()
    ((_, options),) = asked
    assert options == {"target": "tensorrt-rtx", "precision": "fp16", "capabilities": ("8.9",)}
    # What fits is not built again.
    TensorRtEngine(folder, EngineOptions(rebuild_engines=True), driver).close()
    assert len(asked) == 1


def test_a_gpu_that_nothing_installed_builds_for(library: Any, folder: ModelFolder, driver: Any) -> None:
    driver.capability = 90
    with pytest.raises(EngineUnavailable, match=r"compute capability 9\.0.*pip install 'videobert\[tensorrt\]'"):
        TensorRtEngine(folder, EngineOptions(rebuild_engines=True), driver)
