"""torchvision's S3D checkpoint, or a backbone file written from one, as our backbone."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D

_STEM = "features.0.0.0.weight"
_STEM_CHANNELS = 64
_CLASSIFIER = ("classifier.1.weight", "classifier.1.bias")
_LAST_BLOCK = ("branch0.0.weight", "branch1.1.1.0.weight", "branch2.1.1.0.weight", "branch3.1.0.weight")
_PREFIX = "backbone."


def read_s3d(path: Path, *, classifier: bool = False, strict: bool = True) -> tuple[S3D, Ledger]:
    """The network in a checkpoint, in evaluation mode, and what became of its tensors.

    Args:
        path: see `open_checkpoint`.
        classifier: keep the classifier, if the checkpoint has one (400 Kinetics classes in torchvision's).
        strict: refuse tensors that are not S3D's.

    Raises:
        ModelError: not an S3D checkpoint, or damaged.
    """
    checkpoint = open_checkpoint(path)
    ledger = Ledger("torchvision S3D", checkpoint.path.name, notes=list(checkpoint.notes))
    tensors = checkpoint.tensors
    if all(name.startswith((_PREFIX, "classifier.")) for name in tensors):
        tensors = {name.removeprefix(_PREFIX): tensor for name, tensor in tensors.items()}
        ledger.notes.append(f"took the prefix `{_PREFIX}` off the names")
    intake = Intake(tensors, ledger, strict=strict)
    classes = None
    if classifier and _CLASSIFIER[0] in intake:
        classes = intake.left[_CLASSIFIER[0]][0]
    with torch.device("meta"):
        model = S3D(*_sizes(intake), classes=classes)
    state: dict[str, Tensor] = {}
    for name, ours in model.state_dict().items():
        if name.endswith(".num_batches_tracked"):
            intake.ignore(name, "a training counter")
            state[name] = torch.zeros((), dtype=torch.int64)
        elif name in intake:
            state[name] = intake.take(name, name, tuple(ours.shape))
        else:
            intake.missing(name)
    if classes is None:
        for name in _CLASSIFIER:
            intake.ignore(name, "the classifier is not part of the feature")
    intake.finish()
    if set(state) != set(model.state_dict()):
        # A backbone with holes has no meaning, however lenient the import.
        ledger.require_explained()
    model.load_state_dict(state, assign=True)
    return model.eval(), ledger


def width_of(model: S3D) -> float:
    """The factor on channel counts that a network was built with."""
    return int(model.state_dict()[_STEM].shape[0]) / _STEM_CHANNELS


def _sizes(intake: Intake) -> tuple[float, int]:
    """Width factor and feature length, read off the first and the last layers."""
    shapes = intake.left
    last = [shapes.get(f"features.15.{name}", ()) for name in _LAST_BLOCK]
    if len(shapes.get(_STEM, ())) != 5 or not all(len(shape) == 5 for shape in last):
        raise ModelError(
            f"{intake.ledger.source} is not an S3D checkpoint",
            seen=", ".join(list(shapes)[:4]),
            allowed=f"{_STEM} to features.15.branch3",
        )
    return shapes[_STEM][0] / _STEM_CHANNELS, sum(shape[0] for shape in last)
