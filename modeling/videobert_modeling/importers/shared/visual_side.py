"""What a text checkpoint lacks to see: a backbone, and a codebook that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from videobert.base.errors import ModelError
from videobert.model.config import BackboneConfig
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.importers.shared.centroid_arrays import read_centroids
from videobert_modeling.importers.shared.centroid_codebook import ON_TRUST, make_codebook
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d, width_of
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D
from videobert_modeling.models.weights import hash_of


@dataclass(frozen=True, slots=True)
class VisualSide:
    """A backbone, its description and a codebook that belongs to it, if there is one."""

    backbone: S3D
    config: BackboneConfig
    codebook: Codebook | None


def visual_side(
    backbone: Path | None,
    centroids: Path | None,
    recipe: Recipe,
    ledger: Ledger,
    *,
    features: Sequence[Path] = (),
    seed: int = 0,
    strict: bool = True,
) -> VisualSide:
    """Read the backbone and the centroids, or start the first from `seed` and do without the second.

    Raises:
        ModelError: a file is damaged, or the centroids are not as wide as the backbone's feature.
        MismatchError: a codebook file was made for another backbone or recipe.
        UsageError: no seed.
    """
    check_seed(seed)
    if backbone is not None:
        network, account = read_s3d(backbone, strict=strict)
        ledger.notes.append(f"backbone from {account.source}: {account.counts}")
        width = width_of(network)
    else:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            network, width = S3D().eval(), 1.0
        ledger.uninitialised.append("backbone (S3D): visual tokens mean nothing before one is imported or trained")
    config = BackboneConfig(width=width, feature_dim=network.feature_dim)
    if centroids is None:
        return VisualSide(network, config, None)
    own = hash_of(network)
    if centroids.suffix == ".safetensors":
        codebook = Codebook.load(centroids)
        codebook.check(own, recipe.clip_hash)
    else:
        read = read_centroids(centroids, strict=strict)
        codebook = make_codebook(read, backbone_hash=own, clip_hash=recipe.clip_hash, features=features)
        ledger.notes += [f"centroids: {note}" for note in read.ledger.notes]
        ledger.notes.append(ON_TRUST)
    if codebook.dim != config.feature_dim:
        raise ModelError(
            "the centroids are not as wide as the backbone's feature",
            seen=codebook.dim,
            allowed=config.feature_dim,
            fix="Use centroids of features that this backbone gave.",
        )
    return VisualSide(network, config, codebook)
