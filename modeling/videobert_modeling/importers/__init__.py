"""Turn checkpoints of others into ours: `import_checkpoint` knows one importer for each layout."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.model.recipe import Recipe
from videobert_modeling.importers.ammesatyajit import import_ammesatyajit
from videobert_modeling.importers.bert import import_bert
from videobert_modeling.importers.centroids import import_centroids
from videobert_modeling.importers.i3d import import_i3d
from videobert_modeling.importers.mdskul import import_mdskul
from videobert_modeling.importers.milnce import import_milnce
from videobert_modeling.importers.recognise import recognise
from videobert_modeling.importers.resnet import import_resnet
from videobert_modeling.importers.roberta import import_roberta
from videobert_modeling.importers.s3d import import_s3d
from videobert_modeling.importers.s3dg import import_s3dg
from videobert_modeling.importers.univl import import_univl
from videobert_modeling.model_folder.ledger import Entry, Ledger

__all__ = ["AUTO", "KINDS", "Entry", "Ledger", "import_checkpoint", "options_of"]

KINDS: dict[str, Callable[..., Ledger]] = {
    "bert": import_bert,
    "roberta": import_roberta,
    "mdskul": import_mdskul,
    "univl": import_univl,
    "milnce": import_milnce,
    "ammesatyajit": import_ammesatyajit,
    "s3d": import_s3d,
    "i3d": import_i3d,
    "s3dg": import_s3dg,
    "resnet": import_resnet,
    "centroids": import_centroids,
}
"""What `import_checkpoint` reads; the last five become files, all others model folders."""

_PATHS = ("tokenizer", "dictionary", "backbone", "centroids", "labels")
AUTO = "auto"
"""In place of a kind: the one whose layout the checkpoint has, told by the names of its tensors."""

_DTYPES = {"float16": torch.float16, "float32": torch.float32}


def import_checkpoint(kind: str, source: str | Path, out: str | Path, **options: Any) -> Ledger:
    """Import the checkpoint `source` to `out`.

    Args:
        kind: one of `KINDS`, or `AUTO`.
        source: file or folder, see the importer.
        out: a new model folder or a `.safetensors` file, see `KINDS`.
        options: keyword arguments of the importer, see `options_of`. Paths may be text, `recipe` may be the path of
            a `recipe.json`, `dtype` may be `"float16"` or `"float32"`; None stands for the default.

    Returns:
        What became of every tensor.

    Raises:
        UsageError: unknown kind or option, or `out` is taken.
        ModelError: the source is damaged or of another layout, or the import is strict and something is unexplained.
    """
    if kind == AUTO:
        told = recognise(Path(source), KINDS)
        ledger = import_checkpoint(told.kind, source, out, **options)
        ledger.notes.insert(0, f"recognised as {told.kind}: {told.why}")
        return ledger
    if kind not in KINDS:
        raise UsageError(
            "this kind of checkpoint is not known",
            seen=kind,
            allowed=", ".join((*KINDS, AUTO)),
            fix="Use one of those.",
        )
    allowed = options_of(kind)
    given = {name: value for name, value in options.items() if value is not None}
    unknown = sorted(given.keys() - set(allowed))
    if unknown:
        raise UsageError(
            f"an import of kind {kind} has no such option",
            seen=", ".join(unknown),
            allowed=", ".join(allowed),
            fix="Leave it out.",
        )
    for name in _PATHS:
        if name in given:
            given[name] = Path(given[name])
    if "features" in given:
        given["features"] = [Path(path) for path in given["features"]]
    if isinstance(given.get("recipe"), (str, Path)):
        given["recipe"] = _recipe(Path(given["recipe"]))
    if isinstance(given.get("dtype"), str):
        if given["dtype"] not in _DTYPES:
            raise InputError("weights cannot be stored as this", seen=given["dtype"], allowed=", ".join(_DTYPES))
        given["dtype"] = _DTYPES[given["dtype"]]
    return KINDS[kind](Path(source), Path(out), **given)


def options_of(kind: str) -> tuple[str, ...]:
    """Names of the options that an importer takes."""
    return tuple(p.name for p in inspect.signature(KINDS[kind]).parameters.values() if p.kind is p.KEYWORD_ONLY)


def _recipe(path: Path) -> Recipe:
    try:
        return Recipe.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"the recipe {path.name} cannot be read", seen=str(error)) from error
