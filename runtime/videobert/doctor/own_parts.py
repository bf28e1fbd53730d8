"""What the install itself brings: the native part, the cache of compiled models and the bundled models."""

from __future__ import annotations

import os

from videobert.base.errors import VideoBertError
from videobert.results.diagnosis import Ability


def probe_native() -> tuple[Ability, dict[str, bool] | None]:
    """The compiled part, and the instruction sets that it finds; None where it does not load."""
    try:
        from videobert import _native as core

        features = core.cpu_features()
        kernels = core.nearest_kernel(core.cpu_paths()[-1])
    except ImportError as error:
        fix = "pip install --force-reinstall videobert"
        return Ability(name="videobert._native", kind="native", works=False, detail=str(error), fix=fix), None
    detail = ", ".join(name for name, present in features.items() if present) or "no special instruction sets"
    detail = f"{detail}; nearest centroids: {kernels}"
    return Ability(name="videobert._native", kind="native", works=True, detail=detail), features


def probe_cache() -> Ability:
    """The folder of compiled models: whether it can be used, and how full it is."""
    from videobert.base.user_cache import cache_folder, check_owned

    folder = cache_folder()
    if folder is None:
        return Ability(
            name="cache",
            kind="cache",
            works=False,
            detail="this user has no home folder: models are compiled anew each time",
            fix="export XDG_CACHE_HOME=FOLDER, with a folder that you may write to",
        )
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not (nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)):
        return Ability(
            name="cache",
            kind="cache",
            works=False,
            detail=f"{folder} cannot be written to: models are compiled anew each time",
            fix="export XDG_CACHE_HOME=FOLDER, with a folder that you may write to",
        )
    if folder.is_dir():
        try:
            check_owned(folder.stat())
        except PermissionError as error:
            return Ability(
                name="cache",
                kind="cache",
                works=False,
                detail=f"{folder} is not used, so models are compiled anew each time: {error}",
                fix=f"make it yours alone: chmod 700 {folder}",
            )
    files = [file for file in folder.glob("*") if file.is_file()] if folder.is_dir() else []
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    return Ability(
        name="cache", kind="cache", works=True, detail=f"{folder}: {len(files)} compiled graphs, {size_mb:,.1f} MB"
    )


def probe_models() -> list[Ability]:
    """Every model that came with the install or was got, each file checked."""
    from videobert.model.folder import ModelFolder, bundled_names
    from videobert.model.got import OBTAINABLE, got_names

    found = []
    for name in (*bundled_names(), *got_names()):
        try:
            folder = ModelFolder(name)
            folder.verify()
            found.append(Ability(name=name, kind="model", works=True, detail=str(folder.root)))
        except VideoBertError as error:
            found.append(
                Ability(
                    name=name,
                    kind="model",
                    works=False,
                    detail=error.what,
                    fix=f"videobert get {OBTAINABLE[name]}"
                    if name in OBTAINABLE
                    else "pip install --force-reinstall videobert",
                )
            )
    if not found:
        fix = "give your own model folder with --model, or install videobert with its bundled model"
        found.append(
            Ability(name="bundled", kind="model", works=False, detail="this install has no bundled model", fix=fix)
        )
    return found
