"""torchvision's S3D checkpoint, Kyle Min's, or a backbone file written from one, as our backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.kylemin_s3d import is_kylemin, kylemin_name
from videobert_modeling.importers.shared.network_intake import fill, open_network
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D

_STEM = "features.0.0.0.weight"
_STEM_CHANNELS = 64
_CLASSIFIER = ("classifier.1.weight", "classifier.1.bias")
_LAST_BLOCK = ("branch0.0.weight", "branch1.1.1.0.weight", "branch2.1.1.0.weight", "branch3.1.0.weight")


def read_s3d(path: Path, *, classifier: bool = False, strict: bool = True) -> tuple[S3D, Ledger]:
    """The network in a checkpoint, in evaluation mode, and what became of its tensors.

    Args:
        path: see `open_checkpoint`.
        classifier: keep the classifier, if the checkpoint has one (400 Kinetics classes in torchvision's).
        strict: refuse tensors that are not S3D's.

    Raises:
        ModelError: not an S3D checkpoint, or damaged.
    """
    intake = open_network(path, "torchvision S3D", strict=strict)
    theirs = kylemin_name if is_kylemin(intake.left) else str
    if theirs is kylemin_name:
        intake.ledger.kind = "Kyle Min's S3D"
    weight, bias = (theirs(name) for name in _CLASSIFIER)
    classes = intake.left[weight][0] if classifier and weight in intake else None
    with torch.device("meta"):
        model = S3D(*_sizes(intake, theirs), classes=classes)
    fill(model, intake, theirs)
    if classes is None:
        for name in (weight, bias):
            intake.ignore(name, "the classifier is not part of the feature")
    intake.finish()
    return model, intake.ledger


def width_of(model: S3D) -> float:
    """The factor on channel counts that a network was built with."""
    return int(model.state_dict()[_STEM].shape[0]) / _STEM_CHANNELS


def _sizes(intake: Intake, theirs: Callable[[str], str]) -> tuple[float, int]:
    """Width factor and feature length, read off the first and the last layers."""
    shapes = intake.left
    stem = shapes.get(theirs(_STEM), ())
    last = [shapes.get(theirs(f"features.15.{name}"), ()) for name in _LAST_BLOCK]
    if len(stem) != 5 or not all(len(shape) == 5 for shape in last):
        raise ModelError(
            f"{intake.ledger.source} is not an S3D checkpoint",
            seen=", ".join(list(shapes)[:4]),
            allowed=f"{_STEM} to features.15.branch3",
        )
    return stem[0] / _STEM_CHANNELS, sum(shape[0] for shape in last)
