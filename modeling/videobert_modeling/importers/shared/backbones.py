"""The backbone in a file, whichever it is: a backbone file or a checkpoint, told by the names in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from videobert.model.config import BackboneConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert_modeling.importers.shared.backbone_file import stored_recipe
from videobert_modeling.importers.shared.backbone_recipes import (
    HOWTO100M,
    IMAGENET,
    KINETICS,
    KINETICS_I3D,
    KINETICS_ZERO_CENTRED,
)
from videobert_modeling.importers.shared.i3d_checkpoint import is_i3d, open_i3d
from videobert_modeling.importers.shared.i3d_checkpoint import width_of as width_of_i3d
from videobert_modeling.importers.shared.kylemin_s3d import is_kylemin
from videobert_modeling.importers.shared.network_intake import plain_names
from videobert_modeling.importers.shared.resnet_layout import is_resnet, kind_of, read_resnet
from videobert_modeling.importers.shared.resnet_layout import width_of as width_of_resnet
from videobert_modeling.importers.shared.s3dg_layout import is_s3dg, read_s3dg
from videobert_modeling.importers.shared.s3dg_layout import width_of as width_of_s3dg
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d
from videobert_modeling.importers.shared.torchvision_s3d import width_of as width_of_s3d
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.weights import Backbone

ACTION, OBJECT = "action", "object"


@dataclass(frozen=True, slots=True)
class ReadBackbone:
    """A backbone, its description, and what its classifier answers.

    Args:
        questions: the question that the classifier answers, if there is a classifier.
        heads: its tensors, by their names in a model.
    """

    network: Backbone
    config: BackboneConfig
    ledger: Ledger
    questions: dict[str, QuestionConfig] = field(default_factory=dict)
    heads: dict[str, Tensor] = field(default_factory=dict)


def read_backbone(path: Path, *, strict: bool = True) -> ReadBackbone:
    """The backbone in a backbone file or a checkpoint, in evaluation mode.

    I3D's classifier becomes the question `action`, a ResNet's the question `object`; S3D's is left out.

    Raises:
        ModelError: no backbone that is known, or damaged.
    """
    if is_i3d(path):
        i3d = open_i3d(path, strict=strict)
        config = BackboneConfig(kind="i3d", width=width_of_i3d(i3d.network), feature_dim=i3d.network.feature_dim)
        return _asked(ReadBackbone(i3d.network, config, i3d.ledger), ACTION, i3d.network.classifier, i3d.labels)
    names = plain_names(path)
    if is_resnet(names):
        resnet = read_resnet(path, strict=strict)
        own = resnet.network
        config = BackboneConfig(kind=kind_of(own), width=width_of_resnet(own), feature_dim=own.feature_dim)
        return _asked(ReadBackbone(own, config, resnet.ledger), OBJECT, own.classifier, resnet.labels)
    if is_s3dg(names):
        s3dg, ledger = read_s3dg(path, strict=strict)
        config = BackboneConfig(kind="s3dg", width=width_of_s3dg(s3dg), feature_dim=s3dg.feature_dim)
        return ReadBackbone(s3dg, config, ledger)
    s3d, ledger = read_s3d(path, strict=strict)
    return ReadBackbone(s3d, BackboneConfig(width=width_of_s3d(s3d), feature_dim=s3d.feature_dim), ledger)


def recipe_for(path: Path | None) -> Recipe:
    """The clips that the backbone in a file was trained with: what the file says, else what is known of its layout.

    Args:
        path: as for `read_backbone`; None for a fresh S3D.

    Raises:
        ModelError: it cannot be read.
    """
    if path is None:
        return KINETICS
    own = stored_recipe(path)
    if own is not None:
        return own
    if is_i3d(path):
        return KINETICS_I3D
    names = plain_names(path)
    known = ((is_resnet, IMAGENET), (is_s3dg, HOWTO100M), (is_kylemin, KINETICS_ZERO_CENTRED))
    return next((recipe for is_own, recipe in known if is_own(names)), KINETICS)


def _asked(read: ReadBackbone, name: str, classifier: nn.Module | None, labels: tuple[str, ...]) -> ReadBackbone:
    """With what its classifier answers, if it has one."""
    if classifier is None:
        return read
    state: Mapping[str, Tensor] = classifier.state_dict()
    heads = {f"feature_heads.{name}.{part}": tensor for part, tensor in state.items()}
    question = QuestionConfig(labels=labels, answered_by="features")
    return ReadBackbone(read.network, read.config, read.ledger, {name: question}, heads)
