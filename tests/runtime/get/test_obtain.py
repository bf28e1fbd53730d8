"""A model is there whole, or what was there before is, and nothing lies beside it: whatever fails on the way."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.get.archive_maker import make_obtainable, members

from videobert.base.errors import MismatchError, ModelError, ObtainError
from videobert.get import obtain as room
from videobert.get.catalogue import Obtainable
from videobert.get.obtain import SOURCES, Obtained, OnStep, ReadSource, obtain, state_of
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert.model.manifest import write_manifest
from videobert.model.recipe import Recipe

Usage = namedtuple("Usage", "total used free")
_FREE = 10 << 30


def make(model: Obtainable, read: ReadSource, folder: Path, on_step: OnStep) -> None:
    """A model folder that holds what the archives do."""
    for source in model.sources:
        on_step(f"reading {source.package}", 0, 1)
        found = read(source)
        assert found == members(source.package)
        (folder / f"{source.package}.bin").write_bytes(found["weights"])
    config = ModelConfig(name=model.name, words=1, visual_tokens=1)
    (folder / "config.json").write_text(json.dumps(config.to_json()))
    (folder / "recipe.json").write_text(json.dumps(Recipe().to_json()))
    (folder / "below").mkdir()
    (folder / "below" / "file").write_bytes(b"1")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data" / "models"
    monkeypatch.setenv("VIDEOBERT_MODELS", str(folder))
    return folder


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def model(shelf: Path) -> Obtainable:
    return make_obtainable(shelf)


@pytest.fixture
def get(model: Obtainable, shelf: Path, models: Path) -> Callable[..., Obtained]:
    def call(**changes: Any) -> Obtained:
        own: dict[str, Any] = {"make": make, "edition": "1", "given": [shelf]} | changes
        return obtain(own.pop("model", model), own.pop("make"), **own)

    return call


def there(models: Path) -> list[str]:
    """What lies beside the models' lock."""
    return sorted(path.name for path in models.iterdir() if path.name != ".lock")


def test_a_model_is_made_of_given_archives(get: Any, models: Path) -> None:
    steps: list[str] = []
    done = get(on_step=lambda step, *_: steps.append(step))
    assert done == Obtained(folder=models / "everyday", was="absent")
    folder = ModelFolder(done.folder)
    folder.verify()
    assert set(folder.names()) == {
        "below/file",
        "config.json",
        "recipe.json",
        SOURCES,
        "tiny-actions.bin",
        "tiny-shots.bin",
        "tiny-texts.bin",
    }
    assert (done.folder.stat().st_mode & 0o777, models.stat().st_mode & 0o777) == (0o755, 0o700)
    assert there(models) == ["everyday"]
    assert "reading tiny-texts" in steps
    said = json.loads((done.folder / SOURCES).read_text())
    assert [each["package"] for each in said["sources"]] == ["tiny-actions", "tiny-texts", "tiny-shots"]


def test_again_there_is_nothing_to_do(get: Any, models: Path) -> None:
    get()
    before = {path: path.stat().st_mtime_ns for path in models.rglob("*") if path.name != ".lock"}

    def never(*_: object) -> None:
        raise AssertionError("made again")

    assert get(make=never).was == "whole"
    assert get(make=never, given=None, python="/nowhere/python").was == "whole"
    assert {path: path.stat().st_mtime_ns for path in models.rglob("*") if path.name != ".lock"} == before


def change(folder: Path) -> None:
    (folder / "tiny-texts.bin").write_bytes(b"changed")


def lose(folder: Path) -> None:
    (folder / "below" / "file").unlink()


def spoil_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def build_anew(folder: Path) -> None:
    """A change that the manifest takes in, as a build makes it."""
    (folder / "tiny-texts.bin").write_bytes(b"changed")
    write_manifest(folder)
    ModelFolder(folder).verify()


@pytest.mark.parametrize("damage", [change, lose, spoil_manifest, empty, build_anew])
def test_a_damaged_folder_is_made_again(damage: Callable[[Path], None], get: Any, models: Path) -> None:
    damage(get().folder)
    done = get()
    assert done.was == "damaged"
    assert done.damage
    ModelFolder(done.folder).verify()
    assert get().was == "whole"
    assert there(models) == ["everyday"]


def test_another_edition_takes_its_place(get: Any, model: Obtainable, models: Path) -> None:
    assert state_of(model, "1") == "absent"
    get()
    assert (state_of(model, "1"), state_of(model, "2")) == ("here", "older")
    assert get(edition="2").was == "older"
    assert state_of(model, "2") == "here"
    (models / "everyday" / SOURCES).write_text("[]")
    assert state_of(model, "2") == "older"


def test_what_fails_in_the_making_leaves_what_was_there(get: Any, models: Path) -> None:
    def failing(model: Obtainable, read: ReadSource, folder: Path, on_step: OnStep) -> None:
        (folder / "half").write_bytes(b"half")
        raise ModelError("this does not fit")

    with pytest.raises(ModelError, match="does not fit"):
        get(make=failing)
    assert there(models) == []
    change(get().folder)
    with pytest.raises(ModelError, match="does not fit"):
        get(make=failing)
    assert there(models) == ["everyday"]
    assert (models / "everyday" / "tiny-texts.bin").read_bytes() == b"changed"


def test_a_wrong_archive_leaves_nothing(get: Any, shelf: Path, models: Path) -> None:
    path = next(shelf.glob("tiny_shots*"))
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(MismatchError, match="not the file that is pinned"):
        get()
    assert there(models) == []


def test_a_missing_archive_leaves_nothing(get: Any, shelf: Path, models: Path) -> None:
    next(shelf.glob("tiny_shots*")).unlink()
    with pytest.raises(ObtainError, match=r"Add tiny_shots-1\.0"):
        get()
    assert there(models) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("where", ["make", "flush", "rename"])
def test_what_the_system_refuses_is_an_error_and_leaves_nothing(
    number: int, where: str, get: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "a file")

    def failing(model: Obtainable, read: ReadSource, folder: Path, on_step: OnStep) -> None:
        make(model, read, folder, on_step)
        refuse()

    if where == "flush":
        monkeypatch.setattr(room.os, "fsync", refuse)
    elif where == "rename":
        monkeypatch.setattr(Path, "rename", refuse)
    words = {errno.ENOSPC: "disk is full", errno.EDQUOT: "disk is full", errno.EIO: "the system refused"}
    with pytest.raises(ObtainError, match=words.get(number, "cannot be written to")) as caught:
        get(make=failing if where == "make" else make)
    assert "VIDEOBERT_MODELS" in str(caught.value)
    assert there(models) == []


def test_a_rename_that_fails_puts_back_what_was_there(get: Any, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(get().folder)
    rename = Path.rename

    def once(self: Path, target: Path) -> Path:
        if self.name == "model":
            raise OSError(errno.EIO, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", once)
    with pytest.raises(ObtainError):
        get()
    assert there(models) == ["everyday"]
    assert (models / "everyday" / "tiny-texts.bin").read_bytes() == b"changed"


@pytest.mark.parametrize("when", ["before", "behind"])
@pytest.mark.parametrize("which", ["everyday", "model"])
def test_an_interrupt_around_a_rename_leaves_one_whole_model(
    which: str, when: str, get: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python may raise it behind the call that is done, before the next line begins."""
    change(get().folder)
    rename, stopped = Path.rename, []

    def interrupted(self: Path, target: Path) -> Path:
        if self.name != which or stopped:
            return rename(self, target)
        stopped.append(self)
        if when == "behind":
            rename(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        get()
    assert stopped
    assert there(models) == ["everyday"]
    finished = (which, when) == ("model", "behind")
    assert ((models / "everyday" / "tiny-texts.bin").read_bytes() == b"changed") is not finished


def test_a_disk_that_is_really_full_leaves_nothing(get: Any, models: Path) -> None:
    """The end of what this process may write stands for the end of the disk."""

    def large(model: Obtainable, read: ReadSource, folder: Path, on_step: OnStep) -> None:
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"1")

    with pytest.raises(ObtainError, match="disk is full"):
        get(make=large)
    assert there(models) == []


def test_too_little_room_is_said_before_anything_is_fetched(
    get: Any, model: Obtainable, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: Usage(_FREE, 0, model.size_bytes + 100))
    with pytest.raises(ObtainError, match="not enough room") as caught:
        get(given=None, python="/nowhere/python")
    assert "1 MB free" in str(caught.value)
    assert get().was == "absent", "given archives need no room for a download"
    assert there(models) == ["everyday"]


def test_a_folder_that_cannot_be_written_to_is_named(get: Any, models: Path) -> None:
    models.parent.mkdir(parents=True)
    models.write_text("a file")
    with pytest.raises(ObtainError, match="VIDEOBERT_MODELS"):
        get()
    models.unlink()
    models.mkdir()
    models.chmod(0o777)
    with pytest.raises(ObtainError, match="others could change it"):
        get()
    if os.getuid():
        models.chmod(0o555)
        with pytest.raises(ObtainError, match="cannot be written to"):
            get()
        models.chmod(0o755)


def test_a_user_without_a_home_is_told_what_to_set(get: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "models_folder", lambda: None)
    with pytest.raises(ObtainError, match="Set VIDEOBERT_MODELS"):
        get()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_else_in_its_place_is_left_alone(kind: str, get: Any, models: Path, tmp_path: Path) -> None:
    models.mkdir(mode=0o700, parents=True)
    other = tmp_path / "other"
    other.mkdir()
    if kind == "file":
        (models / "everyday").write_text("mine")
    else:
        (models / "everyday").symlink_to(other)
    with pytest.raises(ObtainError, match="something else lies where the model goes"):
        get()
    assert there(models) == ["everyday"]


def test_an_interrupt_leaves_nothing(get: Any, models: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(make=interrupted)
    assert there(models) == []


def test_what_a_killed_process_left_is_swept_and_no_other(get: Any, models: Path) -> None:
    models.mkdir(mode=0o700, parents=True)
    for name in (".everyday.abc", ".everyday-best.abc", ".other"):
        (models / name / "model").mkdir(parents=True)
    get()
    assert there(models) == [".everyday-best.abc", ".other", "everyday"]


def test_the_lock_is_given_back_by_a_process_that_is_killed(get: Any, models: Path) -> None:
    models.mkdir(mode=0o700, parents=True)
    code = (
        "import sys, time; from pathlib import Path; from videobert.get.lock import locked\n"
        "with locked(Path(sys.argv[1]), lambda: None): print('has it', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(models / ".lock")], stdout=subprocess.PIPE, text=True)
    assert other.stdout is not None
    assert other.stdout.readline() == "has it\n"
    waited = threading.Event()
    steps: list[str] = []

    def tell(step: str, *_: object) -> None:
        steps.append(step)
        if "waiting" in step:
            waited.set()

    threading.Thread(target=lambda: (waited.wait(30), other.send_signal(signal.SIGKILL))).start()
    assert get(on_step=tell).was == "absent"
    other.communicate()
    assert [step for step in steps if "waiting" in step] == ["waiting for another `videobert get`"]


def test_two_at_once_make_one_model(get: Any, models: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(get) for _ in range(3)]
        assert sorted(each.result(60).was for each in found) == ["absent", "whole", "whole"]
    assert there(models) == ["everyday"]


def test_a_model_is_fetched_by_pip_where_nothing_is_given(
    get: Any, model: Obtainable, shelf: Path, models: Path, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nwhile [ "$1" != "-d" ]; do shift; done\ncp {shelf}/* "$2"\n')
    python.chmod(0o755)
    steps: list[str] = []
    assert get(given=None, python=str(python), on_step=lambda step, *_: steps.append(step)).was == "absent"
    assert there(models) == ["everyday"]
    assert "downloading" in steps
    # What pip gives is hashed again here.
    python.write_text(
        '#!/bin/sh\nwhile [ "$1" != "-d" ]; do shift; done\necho other > "$2/tiny_texts-1.0-py3-none-any.whl"\n'
    )
    shutil.rmtree(models / "everyday")
    with pytest.raises(MismatchError, match="not the file that is pinned"):
        get(given=None, python=str(python))
    assert there(models) == []


def test_a_pip_that_fails_leaves_nothing(get: Any, models: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'ERROR: Connection broken: NewConnectionError'\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(ObtainError, match="no way to the index"):
        get(given=None, python=str(python))
    python.write_text("#!/bin/sh\necho 'OSError: [Errno 28] No space left on device'\nexit 1\n")
    with pytest.raises(ObtainError, match="disk is full"):
        get(given=None, python=str(python))
    assert there(models) == []


def test_two_models_do_not_touch_each_other(get: Any, model: Obtainable, models: Path) -> None:
    get()
    assert get(model=dataclasses.replace(model, name="everyday-best")).was == "absent"
    assert there(models) == ["everyday", "everyday-best"]
    assert get().was == "whole"
