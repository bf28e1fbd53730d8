"""Compiled engines and kernels of a model folder: which are there and who built them, without loading any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from videobert.base.built_by_me import require
from videobert.base.errors import UntrustedError
from videobert.cuda.kernel_targets import KERNEL_TARGETS
from videobert.engines.tensorrt.place import places
from videobert.model.folder import ModelFolder
from videobert.model.summary import BuiltTarget

_MOST_SIDECAR_BYTES = 16 << 20
_KERNELS = "kernels.json"


def built_targets(root: Path, folder: ModelFolder | None) -> tuple[BuiltTarget, ...]:
    """Engines in the model folder `root` and, where the `folder` is sound, in the user's cache."""
    inside = root / "engines"
    names = {path.name for path in inside.iterdir() if path.is_dir()} if inside.is_dir() else set()
    found = [inside / name for name in names]
    if folder is not None:
        for target in ("tensorrt-rtx", "tensorrt", *KERNEL_TARGETS):
            found += [place for place in places(folder, target) if place.is_dir()]
    return tuple(_target(place) for place in sorted(dict.fromkeys(path.resolve() for path in found)))


def _target(place: Path) -> BuiltTarget:
    sidecars = {path.stem: _fields(path) for path in sorted(place.glob("*.json"))}
    kernels = (place / _KERNELS).is_file()
    recipes = [fields.get("recipe") for fields in sidecars.values()]
    precisions = [recipe.get("precision") for recipe in recipes if isinstance(recipe, dict)]
    return BuiltTarget(
        target=place.name,
        place=str(place),
        stages=() if kernels else tuple(name for name in sidecars if (place / f"{name}.plan").is_file()),
        precision=str(precisions[0]) if precisions else None,
        size_bytes=sum(path.stat().st_size for path in place.iterdir() if path.is_file()),
        built_here=bool(sidecars) and all(_built_here(fields) for fields in sidecars.values()),
    )


def _built_here(fields: dict[str, Any]) -> bool:
    digest = fields.get("self", fields.get("digest"))
    if not isinstance(digest, str) or not digest.isalnum():  # it becomes a file name
        return False
    try:
        require(digest, "", trusted=False)
    except UntrustedError:
        return False
    return True


def _fields(path: Path) -> dict[str, Any]:
    """What a sidecar says, which is shown and never followed; nothing where it is damaged."""
    try:
        with path.open("rb") as file:
            fields = json.loads(file.read(_MOST_SIDECAR_BYTES))
        return fields if isinstance(fields, dict) else {}
    except (OSError, ValueError, RecursionError):
        return {}
