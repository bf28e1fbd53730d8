"""Whether a model folder can be built, found out in a moment: before any work, and without torch."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.errors import MismatchError, ModelError, UsageError
from videobert.base.limits import Limits
from videobert.families.registry import FAMILIES
from videobert.model.backbone_kinds import NAMES, BackboneKind
from videobert.model.config import ModelConfig
from videobert.model.folder import backbone_hash, own_place
from videobert.model.mending import CODEBOOK, IMPORT_AGAIN, MANIFEST, WEIGHTS, command
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import check_untrained
from videobert.model.weights_file import backbone_of, table_shape
from videobert.text.reader import TextTokenizer
from videobert.visual.codebook import Codebook

_JSON_BYTES, _TEXT_BYTES = 1 << 20, 64 << 20
# 65,536 leaves of 16,384 values, and the tree above them.
_CODEBOOK_BYTES = 9 << 30
_WHOLE = "Copy the model folder again from where it came, or import the checkpoint again."
# Frames and crop, at least. S3D halves the picture four times, and pools over 2 of what is left then; over time it
# needs two steps. I3D pools over 2 steps and 7 x 7 places. S3D-G and the ResNets end in means over what there is.
_LEAST: dict[BackboneKind, tuple[int, int]] = {
    "s3d": (14, 17),
    "i3d": (9, 193),
    "s3dg": (2, 2),
    "resnet50": (1, 1),
    "resnet101": (1, 1),
    "resnet152": (1, 1),
}
# S3D-G's stem folds pairs of frames, rows and columns.
_EVEN: frozenset[BackboneKind] = frozenset({"s3dg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Buildable:
    """The parts of a folder that a build makes something of, each checked and fitting the others.

    Args:
        codebook: None if the folder has none yet: its text side can be built.
    """

    config: ModelConfig
    recipe: Recipe
    codebook: Codebook | None


def check_buildable(folder: Path, out: Path | None = None) -> Buildable:
    """Look at everything that a build of `folder` would fail on.

    Args:
        out: where the build would write; None is the folder itself.

    Raises:
        ModelError: a file is missing or damaged, or does not fit another; the message names both and says what to run.
        UsageError: nothing can be written there.
    """
    config, recipe = check_sizes(folder)
    TextTokenizer(_content(folder, "tokenizer.json", most=_TEXT_BYTES), config, Limits())
    codebook = check_codebook(folder, config, recipe)
    own_place(folder if out is None else out, "graphs")
    check_place(folder if out is None else out)
    if out is not None:
        check_copy_place(folder, out)
    return Buildable(config=config, recipe=recipe, codebook=codebook)


def check_copy_place(folder: Path, out: Path) -> None:
    """Whether a finished copy of a model may be written to `out`: never over another model, or anything else.

    Raises:
        UsageError: it lies inside the folder, or holds something that is no earlier copy.
    """
    place, own = out.resolve(), folder.resolve()
    if place == own:
        return
    taken = place.exists() and not (place.is_dir() and (not any(place.iterdir()) or _same_weights(folder, place)))
    if taken or place.is_relative_to(own):
        raise UsageError(
            "the place to write to is taken" if taken else "a copy cannot lie in the folder itself",
            seen=str(out),
            allowed="a new folder, an empty one, or an earlier copy of this model, outside the model folder",
            fix="Name a new one with --out.",
        )


def check_sizes(folder: Path) -> tuple[ModelConfig, Recipe]:
    """`config.json`, `recipe.json` and the tables in the weights, checked against each other; raises as above."""
    config = ModelConfig.from_json(_json(folder, "config.json"))
    check_untrained(config)
    recipe = recipe_of(folder)
    check_clips(config.backbone.kind, recipe, fix="Correct it in recipe.json.")
    table, rows, words = FAMILIES[config.family].word_table(config)
    shape, wanted = table_shape(folder / WEIGHTS, table, fix=_WHOLE), (rows, config.encoder.width)
    if shape != wanted:
        raise MismatchError(
            f"{WEIGHTS} does not hold the model that config.json describes",
            seen=f"{table} of shape {shape}",
            allowed=f"{wanted}: {words}",
            fix="Put back the config.json that belongs to these weights, or import the checkpoint again.",
        )
    return config, recipe


def recipe_of(folder: Path) -> Recipe:
    """The clip recipe of a folder that may have no manifest yet.

    Raises:
        ModelError: it is missing or damaged.
    """
    return Recipe.from_json(_json(folder, "recipe.json"))


def check_clips(kind: BackboneKind, recipe: Recipe, *, fix: str) -> None:
    """Whether a backbone takes the clips of a recipe.

    Raises:
        ModelError: they are too small, or of odd sizes where it folds pairs.
    """
    frames, crop = _LEAST[kind]
    seen = f"{recipe.frames} frames, crop {recipe.crop}"
    if recipe.frames < frames or recipe.crop < crop:
        raise ModelError(
            f"recipe.json: the clip is too small for {NAMES[kind]}",
            seen=seen,
            allowed=f"{frames} frames and crop {crop}, or more",
            fix=fix,
        )
    if kind in _EVEN and (recipe.frames % 2 or recipe.crop % 2):
        raise ModelError(
            f"recipe.json: {NAMES[kind]} takes even sizes only", seen=seen, allowed="even numbers", fix=fix
        )


def check_codebook(folder: Path, config: ModelConfig, recipe: Recipe) -> Codebook | None:
    """The folder's codebook, if there is one and it belongs to this model; raises as above."""
    if not (folder / CODEBOOK).exists():
        return None
    codebook = Codebook.from_bytes(_content(folder, CODEBOOK, most=_CODEBOOK_BYTES))
    again = command("cluster VIDEOS --model", folder, " --replace")
    replace = IMPORT_AGAIN if config.tokens_are_given else f"Make the codebook again and fit the model to it: {again}."
    sizes, wanted = (len(codebook), codebook.dim), (config.visual_tokens, config.backbone.feature_dim)
    if sizes != wanted:
        raise MismatchError(
            f"{CODEBOOK} does not fit config.json",
            seen=f"{sizes[0]} visual tokens of {sizes[1]} values",
            allowed=f"{wanted[0]} of {wanted[1]}",
            fix=replace,
        )
    own = backbone_hash(backbone_of(folder / WEIGHTS, fix=_WHOLE))
    for part, made_for, given in (
        ("backbone", codebook.backbone_hash, own),
        ("clip recipe", codebook.clip_hash, recipe.clip_hash),
    ):
        if made_for != given:
            _blame_damage(folder, WEIGHTS if part == "backbone" else "recipe.json")
            raise MismatchError(
                f"{CODEBOOK} was made for another {part} than this folder's", seen=given, allowed=made_for, fix=replace
            )
    return codebook


def _blame_damage(folder: Path, name: str) -> None:
    """If the manifest of an earlier build says that `name` is not what it was, it is `name` that does not fit."""
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        before, codebook = listed[name], listed[CODEBOOK]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    if _digest(folder / name) != before and _digest(folder / CODEBOOK) == codebook:
        raise MismatchError(
            f"{name} was damaged or changed since the last build, and no longer fits {CODEBOOK}",
            seen=f"sha256 {_digest(folder / name)[:16]}…",
            allowed=f"sha256 {str(before)[:16]}…",
            fix=f"Copy {name} again from where the model came.",
        )


def _same_weights(folder: Path, other: Path) -> bool:
    own, its = folder / WEIGHTS, other / WEIGHTS
    return its.is_file() and own.stat().st_size == its.stat().st_size and _digest(own) == _digest(its)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json(folder: Path, name: str) -> Any:
    try:
        return json.loads(_content(folder, name, most=_JSON_BYTES).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{name} is not JSON", seen=str(error), fix=f"Correct {folder / name}.") from error


def _content(folder: Path, name: str, *, most: int) -> bytes:
    try:
        with (folder / name).open("rb") as file:
            content = file.read(most + 1)
    except FileNotFoundError as error:
        raise ModelError(f"the model folder has no {name}", seen=str(folder), fix=_WHOLE) from error
    except OSError as error:
        raise ModelError(f"{name} cannot be read", seen=str(error), fix=_WHOLE) from error
    if len(content) > most:
        raise ModelError(f"{name} is too large", allowed=f"{most} bytes", fix=_WHOLE)
    return content


def check_place(target: Path) -> None:
    """Whether files can be written to a folder, or the folder made.

    Raises:
        UsageError: they cannot.
    """
    path = target.absolute()
    nearest = next(place for place in (path, *path.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UsageError(
            "nothing can be written there",
            seen=str(target),
            allowed="a folder that you may write to, which need not exist yet",
            fix="Pass another --out.",
        )
