"""Compiled engines and kernels of a model folder: which are there and who built them, without loading any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from videobert.base.code_trust import is_own_build, read_code, sidecar_digest
from videobert.base.errors import ModelError
from videobert.cuda.kernel_targets import KERNEL_TARGETS
from videobert.cuda.kernels_sidecar import SIDECAR
from videobert.model.compiled_places import compiled_folders
from videobert.model.folder import ModelFolder
from videobert.model.summary import BuiltTarget

_MOST_SIDECAR_BYTES = 16 << 20


def built_targets(root: Path, folder: ModelFolder | None) -> tuple[BuiltTarget, ...]:
    """Engines in the model folder `root` and, where the `folder` is sound, in the user's cache."""
    inside = root / "engines"
    names = {path.name for path in inside.iterdir() if path.is_dir()} if inside.is_dir() else set()
    found = [inside / name for name in names]
    if folder is not None:
        for target in ("tensorrt-rtx", "tensorrt", *KERNEL_TARGETS):
            found += [place for place in compiled_folders(folder, target) if place.is_dir()]
    return tuple(_target(place) for place in sorted(dict.fromkeys(path.resolve() for path in found)))


def _target(place: Path) -> BuiltTarget:
    sidecars = {path.stem: _fields(path) for path in sorted(place.glob("*.json"))}
    kernels = (place / SIDECAR).is_file()
    recipes = [fields.get("recipe") for fields in sidecars.values()]
    precisions = [recipe.get("precision") for recipe in recipes if isinstance(recipe, dict)]
    return BuiltTarget(
        target=place.name,
        place=str(place),
        stages=() if kernels else tuple(name for name in sidecars if (place / f"{name}.plan").is_file()),
        precision=str(precisions[0]) if precisions else None,
        size_bytes=sum(path.stat().st_size for path in place.iterdir() if path.is_file()),
        built_here=bool(sidecars) and all(_built_here(path) for path in place.glob("*.json")),
    )


def _built_here(path: Path) -> bool:
    """Whether a sidecar is one that would be believed: nobody else could have changed it, and this user built it."""
    try:
        fields = json.loads(read_code(path, _MOST_SIDECAR_BYTES, ""))
        stated = fields.pop("self" if "self" in fields else "digest")
        return bool(stated == sidecar_digest(fields)) and is_own_build(stated)
    except (ModelError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def _fields(path: Path) -> dict[str, Any]:
    """What a sidecar says, which is shown and never followed; nothing where it is damaged."""
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(_MOST_SIDECAR_BYTES))
        return fields if isinstance(fields, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}
