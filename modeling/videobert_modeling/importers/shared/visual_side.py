"""What a text checkpoint lacks to see: a backbone, and a codebook that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import BackboneConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import BACKBONE
from videobert.visual.codebook import Codebook
from videobert_modeling.base.seeds import check_seed
from videobert_modeling.importers.shared.centroid_arrays import read_centroids
from videobert_modeling.importers.shared.centroid_codebook import ON_TRUST, make_codebook
from videobert_modeling.importers.shared.i3d_checkpoint import is_i3d, open_i3d
from videobert_modeling.importers.shared.i3d_checkpoint import width_of as width_of_i3d
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d, width_of
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import I3D, S3D
from videobert_modeling.models.weights import hash_of

ACTION = "action"


@dataclass(frozen=True, slots=True)
class ReadBackbone:
    """A backbone, its description, and what its classifier answers.

    Args:
        questions: the question that the classifier answers, if there is a classifier.
        heads: its tensors, by their names in a model.
    """

    network: S3D | I3D
    config: BackboneConfig
    ledger: Ledger
    questions: dict[str, QuestionConfig] = field(default_factory=dict)
    heads: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VisualSide:
    """A backbone, its description and a codebook that belongs to it, if there is one.

    Args:
        questions, heads: see `ReadBackbone`.
        untrained: the backbone's stage, where none was given.
    """

    backbone: S3D | I3D
    config: BackboneConfig
    codebook: Codebook | None
    questions: dict[str, QuestionConfig] = field(default_factory=dict)
    heads: dict[str, Tensor] = field(default_factory=dict)
    untrained: tuple[str, ...] = ()


def read_backbone(path: Path, *, strict: bool = True) -> ReadBackbone:
    """The S3D or I3D in a backbone file or a checkpoint, in evaluation mode.

    I3D's classifier becomes the question `action`; S3D's is left out.

    Raises:
        ModelError: neither, or damaged.
    """
    if not is_i3d(path):
        network, ledger = read_s3d(path, strict=strict)
        return ReadBackbone(network, BackboneConfig(width=width_of(network), feature_dim=network.feature_dim), ledger)
    opened = open_i3d(path, strict=strict)
    own = opened.network
    config = BackboneConfig(kind="i3d", width=width_of_i3d(own), feature_dim=own.feature_dim)
    if own.classifier is None:
        return ReadBackbone(own, config, opened.ledger)
    question = QuestionConfig(labels=opened.labels, answered_by="features")
    heads = {f"feature_heads.{ACTION}.{name}": tensor for name, tensor in own.classifier.state_dict().items()}
    return ReadBackbone(own, config, opened.ledger, {ACTION: question}, heads)


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
        read = read_backbone(backbone, strict=strict)
        ledger.notes.append(f"backbone from {read.ledger.source}: {read.ledger.counts}")
    else:
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            fresh = S3D().eval()
        read = ReadBackbone(fresh, BackboneConfig(feature_dim=fresh.feature_dim), ledger)
        ledger.uninitialised.append("backbone (S3D): visual tokens mean nothing before one is imported or trained")
    codebook = None if centroids is None else _codebook(read, centroids, recipe, ledger, features, strict=strict)
    untrained = () if backbone is not None else (BACKBONE,)
    return VisualSide(read.network, read.config, codebook, read.questions, read.heads, untrained)


def _codebook(
    backbone: ReadBackbone, path: Path, recipe: Recipe, ledger: Ledger, features: Sequence[Path], *, strict: bool
) -> Codebook:
    own = hash_of(backbone.network)
    if path.suffix == ".safetensors":
        codebook = Codebook.load(path)
        codebook.check(own, recipe.clip_hash)
    else:
        read = read_centroids(path, strict=strict)
        codebook = make_codebook(read, backbone_hash=own, clip_hash=recipe.clip_hash, features=features)
        ledger.notes += [f"centroids: {note}" for note in read.ledger.notes]
        ledger.notes.append(ON_TRUST)
    if codebook.dim != backbone.config.feature_dim:
        raise ModelError(
            "the centroids are not as wide as the backbone's feature",
            seen=codebook.dim,
            allowed=backbone.config.feature_dim,
            fix="Use centroids of features that this backbone gave.",
        )
    return codebook
