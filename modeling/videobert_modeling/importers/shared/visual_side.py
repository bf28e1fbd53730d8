"""What a text checkpoint lacks to see: a backbone, and a codebook that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.families.build_check import check_clips
from videobert.model.config import BackboneConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE
from videobert.visual.codebook import Codebook
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.importers.shared.backbones import ReadBackbone, read_backbone
from videobert_modeling.importers.shared.centroid_arrays import read_centroids
from videobert_modeling.importers.shared.centroid_codebook import ON_TRUST, make_codebook
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D
from videobert_modeling.models.weights import Backbone, hash_of

OTHER_RECIPE = "Pass recipe=PATH (--recipe), with clips that this backbone takes: those that it was trained with."
"""What to do about clips that a backbone does not take."""


@dataclass(frozen=True, slots=True)
class VisualSide:
    """A backbone, its description and a codebook that belongs to it, if there is one.

    Args:
        questions, heads: see `ReadBackbone`.
        untrained: the backbone's stage, where none was given.
    """

    backbone: Backbone
    config: BackboneConfig
    codebook: Codebook | None
    questions: dict[str, QuestionConfig] = field(default_factory=dict)
    heads: dict[str, Tensor] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()


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
        ModelError: a file is damaged, the backbone takes no clips of this recipe, or the centroids are not as wide as
            its feature.
        MismatchError: a codebook file was made for another backbone or recipe.
        UsageError: no seed.
    """
    check_seed(seed)
    if backbone is not None:
        read = read_backbone(backbone, strict=strict)
        ledger.notes.append(f"backbone from {read.ledger.source}: {read.ledger.counts}")
        check_clips(read.config.kind, recipe, fix=OTHER_RECIPE)
    else:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            fresh = S3D().eval()
        read = ReadBackbone(fresh, BackboneConfig(feature_dim=fresh.feature_dim), ledger)
        ledger.uninitialised.append("backbone (S3D): visual tokens mean nothing before one is imported or trained")
    codebook = (
        None
        if centroids is None
        else codebook_of(read.network, centroids, recipe, ledger, features=features, strict=strict)
    )
    untrained = () if backbone is not None else (BACKBONE,)
    return VisualSide(read.network, read.config, codebook, read.questions, read.heads, untrained)


def codebook_of(
    backbone: Backbone,
    path: Path,
    recipe: Recipe,
    ledger: Ledger,
    *,
    features: Sequence[Path] = (),
    strict: bool = True,
) -> Codebook:
    """The centroids in a file as the codebook of a backbone; raises as `visual_side`."""
    own = hash_of(backbone)
    if path.suffix == ".safetensors":
        codebook = Codebook.load(path)
        codebook.check(own, recipe.clip_hash)
    else:
        read = read_centroids(path, strict=strict)
        codebook = make_codebook(read, backbone_hash=own, clip_hash=recipe.clip_hash, features=features)
        ledger.notes += [f"centroids: {note}" for note in read.ledger.notes]
        ledger.notes.append(ON_TRUST)
    if codebook.dim != backbone.feature_dim:
        raise ModelError(
            "the centroids are not as wide as the backbone's feature",
            seen=codebook.dim,
            allowed=backbone.feature_dim,
            fix="Use centroids of features that this backbone gave.",
        )
    return codebook
