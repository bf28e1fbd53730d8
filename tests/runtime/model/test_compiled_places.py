"""Where engines and kernels are written and looked for: in the model folder, or in the user's cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from videobert.base.errors import EngineUnavailable, ModelError
from videobert.model.compiled_places import compiled_folders, folder_for_building
from videobert.model.folder import BUNDLED, ModelFolder


@pytest.fixture
def copied(tmp_path: Path) -> ModelFolder:
    """The bundled model in a folder that may be changed."""
    return ModelFolder(shutil.copytree(BUNDLED / "shapes", tmp_path / "model"))


def test_engines_of_a_bundled_or_read_only_folder_go_to_the_users_cache(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    writable, bundled = ModelFolder(model_folder), ModelFolder("shapes")
    assert folder_for_building(writable, "tensorrt-rtx") == model_folder.resolve() / "engines" / "tensorrt-rtx"
    assert folder_for_building(bundled, "tensorrt-rtx").is_relative_to(tmp_path)
    assert folder_for_building(bundled, "tensorrt-rtx") != folder_for_building(bundled, "tensorrt")
    assert folder_for_building(bundled, "tensorrt-rtx") in compiled_folders(bundled, "tensorrt-rtx")
    assert (tmp_path / "videobert").stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "access", lambda path, *_: not Path(path).is_relative_to(writable.root))
    assert folder_for_building(writable, "tensorrt-rtx").is_relative_to(tmp_path)


@pytest.mark.parametrize("link", ["engines", "engines/tensorrt-rtx"])
def test_nothing_is_written_through_a_link(copied: ModelFolder, tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = copied.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelError, match=rf"{link} of the model folder is a link.*elsewhere.*--out"):
        folder_for_building(copied, "tensorrt-rtx")


def test_a_user_without_a_home_has_no_cache_and_hears_of_it_only_where_it_is_needed(
    copied: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    inside = copied.root / "engines" / "tensorrt-rtx"
    assert compiled_folders(copied, "tensorrt-rtx") == (inside,)
    assert folder_for_building(copied, "tensorrt-rtx") == inside
    with pytest.raises(EngineUnavailable, match=r"no folder to build into.*no home folder.*XDG_CACHE_HOME"):
        folder_for_building(ModelFolder("shapes"), "tensorrt-rtx")
