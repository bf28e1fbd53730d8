"""Models that were got: where they lie, that they are found by name, and that nobody else could have put them there."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import videobert
from videobert.base.errors import ModelError, UntrustedError, UsageError
from videobert.model.compiled_places import compiled_folders, folder_for_building
from videobert.model.folder import ModelFolder, bundled_names, find
from videobert.model.got import OBTAINABLE, got_folder, got_names, is_got, models_folder
from videobert.model.manifest import write_manifest
from videobert.model.mending import check_written, is_never_written, mend


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "models"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("VIDEOBERT_MODELS", str(folder))
    return folder


@pytest.fixture
def everyday(models: Path) -> Path:
    """The bundled model under the name of one that is got."""
    folder = models / "everyday"
    shutil.copytree(find("shapes"), folder)
    folder.chmod(0o755)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"name": "everyday"}))
    write_manifest(folder)
    return folder


def test_the_place_is_told_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/a/home")
    monkeypatch.delenv("VIDEOBERT_MODELS", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert models_folder() == Path("/a/home/.local/share/videobert/models")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert models_folder() == Path("/a/home/.local/share/videobert/models")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert models_folder() == Path("/data/videobert/models")
    monkeypatch.setenv("VIDEOBERT_MODELS", "build/models")
    assert models_folder() == tmp_path / "build" / "models"


def test_a_model_that_was_got_is_found_by_its_name(
    everyday: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert got_names() == ("everyday",)
    assert find("everyday") == everyday == got_folder("everyday")
    # Before a folder of that name here, which its path still names.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "everyday").mkdir()
    assert find("everyday") == everyday
    assert find("./everyday") == Path("everyday")
    assert find(Path("everyday")) == Path("everyday")
    with videobert.load("everyday") as model:
        assert model.name == "everyday" if hasattr(model, "name") else True
    assert is_got(everyday)
    assert not is_got(find("shapes"))


def test_a_bundled_name_comes_first(models: Path) -> None:
    (models / "shapes").mkdir()
    (models / "shapes" / "config.json").write_text("{}")
    assert find("shapes").parent.name == "bundled"


@pytest.mark.parametrize("name", OBTAINABLE)
def test_a_model_that_is_not_here_names_the_command_that_gets_it(name: str, models: Path) -> None:
    with pytest.raises(ModelError, match=rf"{name} is not here yet.*Run `videobert get {OBTAINABLE[name]}`"):
        videobert.load(name)


def test_an_unknown_name_is_told_what_there_is(everyday: Path) -> None:
    with pytest.raises(ModelError) as caught:
        find("nothing")
    for name in (*bundled_names(), *OBTAINABLE):
        assert name in str(caught.value)
    with pytest.raises(ModelError, match="no such model"):
        find("../everyday")


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o757])
@pytest.mark.parametrize("above", [True, False])
def test_a_model_that_others_could_have_changed_is_refused(mode: int, above: bool, everyday: Path) -> None:
    place = everyday.parent if above else everyday
    place.chmod(mode)
    with pytest.raises(UntrustedError, match=rf"others could have changed.*chmod go-w {place}"):
        find("everyday")
    assert find(str(everyday)) == everyday, "by its path it is the caller's own choice"
    place.chmod(0o755)
    assert find("everyday") == everyday


def test_a_model_of_another_user_is_refused(everyday: Path) -> None:
    if os.getuid():
        pytest.skip("only root can give a folder away")
    os.chown(everyday, 12345, -1)
    with pytest.raises(UntrustedError, match="owner 12345"):
        find("everyday")


def test_a_damaged_one_is_mended_by_getting_it_again(everyday: Path) -> None:
    (everyday / "recipe.json").write_text("{}")
    with pytest.raises(ModelError, match="Run `videobert get everyday`"):
        ModelFolder("everyday")
    assert "videobert get everyday" in mend(everyday.resolve(), "model.safetensors")
    assert "build" not in mend(everyday.resolve(), "graphs/backbone.onnx")


def test_no_verb_writes_to_it_nor_to_a_bundled_one(
    everyday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(everyday.parent)
    monkeypatch.setenv("VIDEOBERT_MODELS", str(tmp_path / "link"))
    monkeypatch.chdir(everyday.parent)
    for place in (find("everyday"), everyday, Path("everyday")):
        assert is_never_written(place)
        with pytest.raises(UsageError, match=r"a model of `videobert get` is not written to.*Pass --out DIR"):
            check_written(place)
    with pytest.raises(UsageError, match=r"a bundled model is not written to.*Another"):
        check_written(find("shapes"), fix="Another.")
    with pytest.raises(UsageError, match="is not written to"):
        check_written(everyday / "within")
    check_written(everyday.parent)
    check_written(everyday.parent / "copy")
    monkeypatch.delenv("VIDEOBERT_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert not is_never_written(everyday)


def test_one_that_is_a_link_is_one_all_the_same(
    everyday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = everyday.rename(tmp_path / "moved")
    everyday.symlink_to(elsewhere)
    for place in (find("everyday"), elsewhere):
        assert is_got(place)
        assert is_never_written(place)
    assert "videobert get everyday" in mend(elsewhere, "model.safetensors")
    other = everyday.parent / "everyday-best"
    other.symlink_to(other)
    assert not is_got(tmp_path), "a link to itself is nothing that anything is compared with"


def test_engines_of_one_go_to_the_users_cache(everyday: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = ModelFolder("everyday")
    assert folder_for_building(folder, "tensorrt-rtx").is_relative_to(tmp_path / "cache")
    assert folder_for_building(folder, "tensorrt-rtx") in compiled_folders(folder, "tensorrt-rtx")


def test_without_a_home_nothing_is_got(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIDEOBERT_MODELS", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)

    def none() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", none)
    assert models_folder() is None
    assert got_names() == ()
    assert got_folder("everyday") is None
    assert not is_got(Path("/x/everyday"))
    with pytest.raises(ModelError, match="videobert get everyday"):
        find("everyday")
