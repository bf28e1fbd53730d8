"""Compiled engines and kernels of a model folder: which are there and who built them, without loading any."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.code_trust import is_own_build, read_code, sidecar_digest
from videobert.base.errors import ModelError
from videobert.cuda.kernels_sidecar import SIDECAR
from videobert.model.compiled_places import compiled_folders
from videobert.model.folder import ModelFolder

_MOST_SIDECAR_BYTES = 16 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltTarget:
    """What was built for one target.

    Args:
        target: `"tensorrt-rtx"`, `"cuda-sm90"`, …
        place: its folder.
        stages: of engines; empty for kernels.
        precision: of the first engine; None for kernels, or where it cannot be read.
        built_here: whether this user built all of it: only that is loaded without being told to.
    """

    target: str
    place: str
    stages: tuple[str, ...]
    precision: str | None
    size_bytes: int
    built_here: bool


def engines_found(root: Path, folder: ModelFolder | None) -> tuple[BuiltTarget, ...]:
    """Engines in the model folder `root` and, where the `folder` is sound, in the user's cache."""
    inside = root / "engines"
    names = {path.name for path in inside.iterdir() if path.is_dir()} if inside.is_dir() else set()
    found = [inside / name for name in names]
    if folder is not None:
        for target in ("tensorrt-rtx", "tensorrt", *(f"cuda-sm{number}" for number in (80, 86, 89, 90, 100, 120))):
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
