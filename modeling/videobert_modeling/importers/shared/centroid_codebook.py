"""A codebook of centroids that others made: what made their features, and how far features lie from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.visual.codebook import Codebook
from videobert.visual.feature_file import FeatureFiles
from videobert_modeling.importers.shared.centroid_arrays import Centroids

_QUANTILES = 1001
_SPACING_ROWS = 1000
# What a ledger says where a backbone and a recipe are named, and no feature file names them too.
ON_TRUST = "that these centroids belong to this backbone and recipe is taken on trust"


def make_codebook(
    centroids: Centroids, *, backbone_hash: str, clip_hash: str, features: Sequence[Path] = ()
) -> Codebook:
    """A codebook of imported centroids.

    With feature files, the distances and the agreement of tree and flat assignment are measured on them. Without,
    nothing is known of the training distances: the distance from a leaf to its nearest neighbour stands in, and the
    ledger says so.

    Raises:
        MismatchError: the feature files name another backbone or clip recipe.
    """

    def codebook(distances: npt.NDArray[Any], **known: Any) -> Codebook:
        quantiles = np.quantile(distances, np.linspace(0, 1, _QUANTILES)).astype(np.float32)
        return Codebook(
            leaves=centroids.leaves,
            levels=centroids.levels,
            distances=quantiles,
            backbone_hash=backbone_hash,
            clip_hash=clip_hash,
            **known,
        )

    draft = codebook(_spacing(centroids.leaves))
    if not features:
        centroids.ledger.notes.append(
            "distance percentiles are a stand-in, the spacing of the leaves: pass feature files to measure them"
        )
        return draft
    files = FeatureFiles.open(features)
    draft.check(files.backbone_hash, files.clip_hash)
    distances, same = [], 0
    for block in files.blocks():
        rows = np.asarray(block, np.float32)
        flat, distance = draft.assign(rows)
        distances.append(distance)
        same += int((flat == draft.assign(rows, "tree")[0]).sum()) if centroids.levels is not None else 0
    if not files.rows:
        raise InputError("the feature files hold no rows", fix="Pass files with features.")
    agreement = same / files.rows if centroids.levels is not None else None
    return codebook(np.concatenate(distances), agreement=agreement, samples=files.rows)


def _spacing(leaves: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Distance from some of the leaves, evenly chosen, to the nearest other one."""
    if len(leaves) == 1:
        return np.zeros(1)
    chosen = np.unique(np.linspace(0, len(leaves) - 1, min(len(leaves), _SPACING_ROWS)).astype(np.int64))
    centred = leaves - leaves.mean(axis=0, dtype=np.float64)
    norms = np.einsum("kd,kd->k", centred, centred)
    squared = norms[chosen, None] + norms - 2 * (centred[chosen] @ centred.T)
    squared[np.arange(len(chosen)), chosen] = np.inf
    nearest: npt.NDArray[np.float64] = np.sqrt(np.maximum(squared.min(axis=1), 0))
    return nearest
