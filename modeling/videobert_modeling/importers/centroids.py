"""Centroid arrays of others as a codebook file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from videobert.base.errors import InputError
from videobert.model.recipe import Recipe
from videobert.visual.feature_file import FeatureFiles
from videobert_modeling.base.new_folder import require_new
from videobert_modeling.importers.shared.backbones import read_backbone
from videobert_modeling.importers.shared.centroid_arrays import read_centroids
from videobert_modeling.importers.shared.centroid_codebook import ON_TRUST, make_codebook
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.weights import hash_of


def import_centroids(
    source: Path,
    out: Path,
    *,
    backbone: Path | None = None,
    recipe: Recipe | None = None,
    features: Sequence[Path] = (),
    branching: int = 12,
    strict: bool = True,
) -> Ledger:
    """Write centroid arrays as a codebook file; see `read_centroids` and `make_codebook`.

    A codebook names what made its features: the feature files do, or else a backbone and a recipe must be given.

    Raises:
        InputError: neither is given.
    """
    require_new(out)
    read = read_centroids(source, branching=branching, strict=strict)
    if features:
        files = FeatureFiles.open(features)
        hashes = {"backbone_hash": files.backbone_hash, "clip_hash": files.clip_hash}
    elif backbone is not None and recipe is not None:
        hashes = {"backbone_hash": hash_of(read_backbone(backbone).network), "clip_hash": recipe.clip_hash}
        read.ledger.notes.append(ON_TRUST)
    else:
        raise InputError(
            "a codebook must say which backbone and recipe its features came from",
            fix="Pass features=[…] (--features), or backbone= and recipe= (--backbone, --recipe).",
        )
    make_codebook(read, **hashes, features=features).save(out)
    return read.ledger
