"""Where the compiled engines and kernels of a model folder lie: in the folder itself, or in the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from videobert.base.atomic import write_atomically
from videobert.base.errors import EngineUnavailable, ModelError
from videobert.base.user_cache import cache_folder, own_folder
from videobert.model.folder import ModelFolder, own_place
from videobert.model.mending import is_never_written

_FOLDER = "engines"
Loaded = TypeVar("Loaded")


def folder_for_building(folder: ModelFolder, target: str) -> Path:
    """Where to build: `engines/<target>` of the folder, or the user's cache where that cannot be written to.

    Bundled models, and those of `videobert get`, are never written to.

    Raises:
        ModelError: see `own_place`.
        EngineUnavailable: neither of the two can be written.
    """
    inside = own_place(folder.root, f"{_FOLDER}/{target}")
    nearest = next(path for path in (inside, *inside.parents) if path.exists())
    if os.access(nearest, os.W_OK | os.X_OK) and not is_never_written(folder.root):
        return inside
    cached, cache = _in_cache(folder, target), cache_folder()
    try:
        if cached is None or cache is None:
            raise FileNotFoundError("this user has no home folder")
        # Whatever is made below it is out of reach for others.
        own_folder(cache)
    except OSError as error:
        raise EngineUnavailable(
            "there is no folder to build into: the model folder is not written to, nor can the user's cache be",
            seen=str(error),
            fix="Pass --out DIR, make the cache folder yours alone (chmod 700), or set XDG_CACHE_HOME to one that is.",
        ) from error
    return cached


def compiled_folders(folder: ModelFolder, target: str) -> tuple[Path, ...]:
    """Where engines or kernels of a target may lie, in the order in which they are looked for."""
    cached = _in_cache(folder, target)
    return (folder.root / _FOLDER / target, *(() if cached is None else (cached,)))


def first_loadable(places: Iterable[Path], load: Callable[[Path], Loaded | None]) -> Loaded | None:
    """What `load` makes of the first place that has something which may be loaded; None if there is nothing anywhere.

    A place whose code is not to be trusted, damaged or for another machine does not hide a later one, such as this
    user's own build beside what came with the folder.

    Raises:
        ModelError: what was wrong in the first place that had something, if no other could be used.
    """
    problem: ModelError | None = None
    for place in places:
        try:
            loaded = load(place)
        except ModelError as error:
            problem = problem or error
        else:
            if loaded is not None:
                return loaded
    if problem is not None:
        raise problem
    return None


def copy_folder(folder: ModelFolder, out: Path) -> None:
    """A copy of every file of the manifest, each checked, and of the manifest.

    Raises:
        ModelError: a file is missing or not what the manifest says.
    """
    for name in (*folder.names(), "manifest.json"):
        content = (folder.root / name).read_bytes() if name == "manifest.json" else folder.read(name)
        path = out / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda new, content=content: new.write_bytes(content))  # type: ignore[misc]
        except OSError as error:
            raise ModelError(
                "the model folder cannot be copied there", seen=str(error), fix="Pass another --out."
            ) from error


def _in_cache(folder: ModelFolder, target: str) -> Path | None:
    cache = cache_folder()
    if cache is None:
        return None
    digests = {name: folder.digest(name) for name in folder.names()}
    key = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:16]
    return cache / _FOLDER / key / target
