"""MIL-NCE's S3D-G in its own checkpoint, in that of another network around it, or in a backbone file."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import torch

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.network_intake import fill, open_network
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3DG

JOINT_SPACE = ("fc.", "text_module.")
"""How the names begin of what lies behind the feature: the joint space with text."""

_STEM = "conv1.conv1.weight"
_STEM_CHANNELS = 64
_GATE = "mixed_5c.gating_b0.fc.weight"
_LAST_BLOCK = tuple(
    f"mixed_5c.{branch}.weight" for branch in ("conv_b0.conv1", "conv_b1_b.conv2", "conv_b2_b.conv2", "conv_b3_b.conv1")
)


def is_s3dg(names: Collection[str]) -> bool:
    """Whether names of tensors, without a prefix, are those of S3D-G."""
    return _STEM in names and _GATE in names


def read_s3dg(path: Path, *, strict: bool = True) -> tuple[S3DG, Ledger]:
    """The network in a checkpoint or a backbone file, in evaluation mode, and what became of its tensors.

    Args:
        path: see `open_checkpoint`.
        strict: refuse tensors that are not S3D-G's.

    Raises:
        ModelError: not an S3D-G checkpoint, or damaged.
    """
    intake = open_network(path, "MIL-NCE S3D-G", strict=strict)
    model = take_backbone(intake)
    for name in list(intake.left):
        if name.startswith(JOINT_SPACE):
            intake.ignore(name, "the joint space with text is not part of the feature")
    intake.finish()
    return model, intake.ledger


def take_backbone(intake: Intake) -> S3DG:
    """S3D-G out of a checkpoint, in evaluation mode, under its own names; all else stays in the intake.

    Raises:
        ModelError: a tensor is missing or has another shape than sizes that are read off the first and last layers.
    """
    with torch.device("meta"):
        model = S3DG(*_sizes(intake))
    fill(model, intake)
    return model


def width_of(model: S3DG) -> float:
    """The factor on channel counts that a network was built with."""
    return int(model.state_dict()[_STEM].shape[0]) / _STEM_CHANNELS


def _sizes(intake: Intake) -> tuple[float, int]:
    shapes = intake.left
    kernels = [shapes.get(name, ()) for name in (_STEM, *_LAST_BLOCK)]
    if not all(len(shape) == 5 and shape[0] for shape in kernels):
        raise ModelError(
            f"{intake.ledger.source} is not an S3D-G checkpoint",
            seen=", ".join(list(shapes)[:4]),
            allowed=f"{_STEM} to {_LAST_BLOCK[-1]}",
            fix="Check which network this is.",
        )
    channels = [shape[0] for shape in kernels]
    return channels[0] / _STEM_CHANNELS, sum(channels[1:])
