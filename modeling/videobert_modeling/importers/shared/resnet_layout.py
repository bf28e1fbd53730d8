"""torchvision's ResNet-50, -101 or -152 in a checkpoint, or a backbone file written from one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch

from videobert.base.errors import ModelError
from videobert.get.label_files import imagenet1k
from videobert.model.backbone_kinds import BackboneKind
from videobert_modeling.importers.shared.backbone_file import labels_of_classes, stored_labels
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.network_intake import fill, open_network
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import ResNet
from videobert_modeling.models.backbones.resnet import BLOCKS, Depth

_STEM = "conv1.weight"
_STEM_CHANNELS = 64
_BOTTLENECK = "layer1.0.conv3.weight"
_BASIC = "layer1.0.conv2.weight"
_KINDS: dict[Depth, BackboneKind] = {50: "resnet50", 101: "resnet101", 152: "resnet152"}
_THEIRS, _OURS = "fc.", "classifier."


@dataclass(frozen=True, slots=True)
class OpenedResNet:
    """A network with its classifier, if the checkpoint has one, in evaluation mode.

    Args:
        labels: of the classifier, in its order; empty without one.
        ledger: what became of the checkpoint's tensors.
    """

    network: ResNet
    labels: tuple[str, ...]
    ledger: Ledger


def is_resnet(names: Collection[str]) -> bool:
    """Whether names of tensors, without a prefix, are those of a ResNet, be it one that is not read here."""
    return _STEM in names and _BASIC in names


def read_resnet(path: Path, *, labels: tuple[str, ...] | None = None, strict: bool = True) -> OpenedResNet:
    """The network in a checkpoint or a backbone file; its depth is told by how many blocks there are.

    Args:
        path: see `open_checkpoint`.
        labels: of the classifier; by default those in a backbone file, else ImageNet's if there are 1,000, else
            numbers.
        strict: refuse tensors that are not a ResNet's.

    Raises:
        ModelError: not a ResNet of these depths, or damaged, or not as many labels as classes.
    """
    intake = open_network(path, "torchvision ResNet", strict=strict)
    depth, width = _depth(intake), _width(intake)
    classifier = _THEIRS if f"{_THEIRS}bias" in intake else _OURS
    classes = _classes(intake, f"{classifier}bias") if f"{classifier}bias" in intake else None
    with torch.device("meta"):
        model = ResNet(depth, width, None, classes)
    fill(model, intake, lambda name: name.replace(_OURS, classifier, 1))
    intake.finish()
    own = labels_of_classes(labels or stored_labels(path), classes or 0, imagenet1k())
    return OpenedResNet(model, own, intake.ledger)


def kind_of(model: ResNet) -> BackboneKind:
    """What `config.json` calls a ResNet of this depth."""
    return _KINDS[model.depth]


def width_of(model: ResNet) -> float:
    """The factor on channel counts that a network was built with."""
    return model.conv1.out_channels / _STEM_CHANNELS


def _depth(intake: Intake) -> Depth:
    shapes = intake.left
    if not is_resnet(shapes):
        raise ModelError(
            f"{intake.ledger.source} is not a ResNet checkpoint",
            seen=", ".join(list(shapes)[:4]),
            allowed=f"{_STEM}, {_BASIC} and so on",
            fix="Check which network this is.",
        )
    counts = tuple(
        len({name.split(".")[1] for name in shapes if name.startswith(f"layer{stage}.")}) for stage in range(1, 5)
    )
    depth = next((depth for depth, blocks in BLOCKS.items() if blocks == counts), None)
    if depth is None or _BOTTLENECK not in shapes:
        kind = "three" if _BOTTLENECK in shapes else "two"
        raise ModelError(
            "this ResNet has a depth that is not read here",
            seen=f"{', '.join(map(str, counts))} blocks of {kind} convolutions",
            allowed="; ".join(f"{', '.join(map(str, blocks))} of three ({d} layers)" for d, blocks in BLOCKS.items()),
            fix="Use ResNet-50, -101 or -152.",
        )
    return depth


def _classes(intake: Intake, bias: str) -> int:
    shape = intake.left[bias]
    if len(shape) != 1 or not shape[0]:
        raise ModelError(f"tensor {bias} has another shape", seen=shape, allowed="a value for each class")
    return shape[0]


def _width(intake: Intake) -> float:
    shape = intake.left[_STEM]
    if len(shape) != 4 or not shape[0]:
        raise ModelError(f"tensor {_STEM} has another shape", seen=shape, allowed="(64, 3, 7, 7)")
    return shape[0] / _STEM_CHANNELS
