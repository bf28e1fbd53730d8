"""When a plan that was really built is believed, and when it is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import MismatchError, ModelError, UntrustedError
from videobert.engines.tensorrt.checked_plan import load_plan
from videobert.engines.tensorrt.plan_sidecar import PlanSidecar
from videobert.model.folder import ModelFolder

Built = tuple[Path, dict[str, Any], Path]
VERSION = "1.7.1.116"
LIBRARY = "tensorrt_rtx"


@pytest.fixture
def engines(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the built engines that a test may damage, for the user who built them."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(built[2]))
    return Path(shutil.copytree(built[0] / "engines" / "tensorrt-rtx", tmp_path / "engines"))


def load(folder: Path, place: Path, stage: str = "text_head", **changes: Any) -> tuple[bytes, PlanSidecar]:
    options = {"library": LIBRARY, "version": VERSION, "capability": "8.6"} | changes
    return load_plan(ModelFolder(folder), place, stage, **options)


def test_a_sound_engine_is_loaded(built: Built, engines: Path) -> None:
    plan, sidecar = load(built[0], engines)
    assert plan == (engines / "text_head.plan").read_bytes()
    assert sidecar.recipe["stage"] == "text_head"


def test_an_engine_that_another_user_built_needs_a_word(
    built: Built, engines: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UntrustedError, match=r"not known who built these; got .*text_head\.json.*--trust-engines"):
        load(built[0], engines)
    assert load(built[0], engines, trusted=True)[0] == (engines / "text_head.plan").read_bytes()


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("place", [0, 17, 33, 64, -1])
def test_a_plan_with_one_other_bit_is_refused(built: Built, engines: Path, place: int) -> None:
    flip(engines / "text_head.plan", place)
    with pytest.raises(MismatchError, match="not the one that its sidecar describes"):
        load(built[0], engines)


def test_a_plan_that_is_cut_is_refused(built: Built, engines: Path) -> None:
    os.truncate(engines / "text_head.plan", 1000)
    with pytest.raises(MismatchError, match="got 1000 bytes"):
        load(built[0], engines)


def test_a_sidecar_that_was_changed_is_refused(built: Built, engines: Path) -> None:
    path = engines / "text_head.json"
    text = path.read_text()
    for old, new in ((VERSION, "1.7.1.117"), ('"8.6"', '"9.0"'), ('"size_bytes": ', '"size_bytes": 1'), ("{", "[")):
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(MismatchError, match="damaged or was changed"):
            load(built[0], engines)


def test_a_sidecar_of_another_plan_is_refused(built: Built, engines: Path) -> None:
    shutil.copy(engines / "visual_head.json", engines / "text_head.json")
    with pytest.raises(MismatchError, match="another stage"):
        load(built[0], engines)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": "1.8.0.1"}, "another version"),
        ({"library": "tensorrt"}, "another library"),
        ({"capability": "9.0"}, "not for this machine's GPU"),
    ],
)
def test_another_library_version_or_gpu_is_refused(
    built: Built, engines: Path, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(MismatchError, match=said):
        load(built[0], engines, **changes)


def test_an_engine_of_another_model_is_refused(built: Built, engines: Path, model_folder: Path) -> None:
    with pytest.raises(MismatchError, match="built from another text_head"):
        load(model_folder, engines)


def test_a_file_that_others_can_change_or_that_is_a_link_is_refused(built: Built, engines: Path) -> None:
    os.chmod(engines / "text_head.plan", 0o666)
    with pytest.raises(ModelError, match="others could have changed"):
        load(built[0], engines)
    os.chmod(engines / "text_head.plan", 0o644)
    (engines / "text_head.plan").rename(engines / "real")
    (engines / "text_head.plan").symlink_to(engines / "real")
    with pytest.raises(ModelError, match="symbolic links"):
        load(built[0], engines)
