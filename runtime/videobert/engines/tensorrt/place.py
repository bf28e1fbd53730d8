"""Where the engines of a model folder lie, and the checks before a plan is believed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from videobert.base.built_by_me import require
from videobert.base.errors import EngineUnavailable, MismatchError, ModelError
from videobert.base.owned_file import read_code
from videobert.base.user_cache import cache_folder, own_folder
from videobert.engines.tensorrt.plan_info import read_header
from videobert.engines.tensorrt.plan_sidecar import REBUILD, Sidecar, read_sidecar
from videobert.model.folder import BUNDLED, ModelFolder, own_place

_FOLDER = "engines"
Found = TypeVar("Found")


def place_for(folder: ModelFolder, target: str) -> Path:
    """Where engines are written: `engines/<target>` of the folder, or the user's cache where that cannot be written.

    Bundled models are part of the install and never written to.

    Raises:
        ModelError: see `own_place`.
        EngineUnavailable: neither of the two can be written.
    """
    inside = own_place(folder.root, f"{_FOLDER}/{target}")
    nearest = next(path for path in (inside, *inside.parents) if path.exists())
    if os.access(nearest, os.W_OK | os.X_OK) and not folder.root.is_relative_to(BUNDLED):
        return inside
    cached, cache = _cached(folder, target), cache_folder()
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


def places(folder: ModelFolder, target: str) -> tuple[Path, ...]:
    """Where engines may lie, in the order in which they are looked for."""
    cached = _cached(folder, target)
    return (folder.root / _FOLDER / target, *(() if cached is None else (cached,)))


def first_usable(places: Iterable[Path], load: Callable[[Path], Found | None]) -> Found | None:
    """What `load` makes of the first place that has something which may be loaded; None if there is nothing anywhere.

    A place whose code is not to be trusted, damaged or for another machine does not hide a later one, such as this
    user's own build beside what came with the folder.

    Raises:
        ModelError: what was wrong in the first place that had something, if no other could be used.
    """
    problem: ModelError | None = None
    for place in places:
        try:
            found = load(place)
        except ModelError as error:
            problem = problem or error
        else:
            if found is not None:
                return found
    if problem is not None:
        raise problem
    return None


def load_plan(
    folder: ModelFolder,
    place: Path,
    stage: str,
    *,
    library: str,
    version: str | None,
    capability: str | None = None,
    trusted: bool = False,
) -> tuple[bytes, Sidecar]:
    """A plan that may be deserialised: this user built it or vouches for it, and it fits model, library and GPU.

    Args:
        library: Python module that will run it, such as `"tensorrt_rtx"`.
        version: of that library; a plan runs with exactly the version that built it. None leaves that to the caller.
        capability: compute capability of the GPU, such as `"8.9"`; None leaves that out.
        trusted: the caller vouches for whoever built it.

    Raises:
        UntrustedError: this user did not build it.
        ModelError: a file is missing, or others could have changed it.
        MismatchError: damaged, changed, or made for another model, library, version or GPU.
    """
    sidecar = read_sidecar(place / f"{stage}.json")
    require(sidecar.digest, str(place / f"{stage}.json"), trusted=trusted)
    recipe = sidecar.recipe
    wanted = {"stage": stage, "library": library, "version": version}
    for name, value in wanted.items():
        if value is not None and recipe.get(name) != value:
            raise MismatchError(
                f"this engine is for another {name}",
                seen=recipe.get(name),
                allowed=value,
                fix="Build it again here with `videobert build`.",
            )
    known = {folder.digest(name) for name in folder.names() if name.startswith("graphs/")}
    if not {recipe.get("graph"), recipe.get("weights")} <= known:
        raise MismatchError(
            f"this engine was built from another {stage}",
            seen=f"sha256 {str(recipe.get('graph'))[:16]}…",
            fix="Build it again with `videobert build`.",
        )
    if capability is not None and recipe.get("targets") and capability not in recipe["targets"]:
        raise MismatchError(
            "this engine is not for this machine's GPU",
            seen=f"compute capability {capability}",
            allowed=", ".join(recipe["targets"]),
            fix=f"Build it with `--sm {capability}`.",
        )
    plan = read_code(place / f"{stage}.plan", sidecar.size_bytes, REBUILD)
    sidecar.check_plan(plan)
    if library == "tensorrt_rtx":
        header = read_header(plan)
        if header.version != recipe["version"] or (header.known and set(header.targets) != set(recipe["targets"])):
            raise MismatchError(
                "this plan is not what its sidecar says",
                seen=f"version {header.version} for {', '.join(header.targets)}",
                allowed=f"version {recipe['version']} for {', '.join(recipe['targets'])}",
                fix="Build it again with `videobert build`.",
            )
    return plan, sidecar


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
            path.write_bytes(content)
        except OSError as error:
            raise ModelError(
                "the model folder cannot be copied there", seen=str(error), fix="Pass another --out."
            ) from error


def _cached(folder: ModelFolder, target: str) -> Path | None:
    cache = cache_folder()
    if cache is None:
        return None
    digests = {name: folder.digest(name) for name in folder.names()}
    key = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:16]
    return cache / _FOLDER / key / target
