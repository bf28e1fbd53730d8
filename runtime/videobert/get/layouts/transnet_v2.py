"""TransNetV2 under the names of its PyTorch port (`SDDCNN.0.DDCNN.0.Conv3D_1.layers.0.weight`, …)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videobert.get.layouts.intake import Array, ArrayIntake, Float32, Taken

_FILTERS = (16, 32, 64)
_DILATIONS = (1, 2, 4, 8)
_PICTURE_CHANNELS = 3
_COMPARED, _BRANCH = 101, 128
_JOINED, _HIDDEN = 4864, 1024
_NORM = ("weight", "bias", "running_mean", "running_var")
_SECOND_HEAD = "the head for all frames of a transition, which is a help for training only"


def transnet_v2(arrays: Mapping[str, Array]) -> tuple[dict[str, Float32], list[Taken]]:
    """Our tensors of the port's, and what became of each of the port's.

    The four convolutions over the picture that stand side by side become one.

    Args:
        arrays: the checkpoint, by name.

    Returns:
        Tensors under the names of `TransNetV2`, float32, without a prefix; and the ledger.

    Raises:
        ModelError: another checkpoint, or a damaged one.
    """
    intake = ArrayIntake("TransNetV2", arrays)
    tensors: dict[str, Float32] = {}
    inputs = _PICTURE_CHANNELS
    for index, filters in enumerate(_FILTERS):
        for number, half in enumerate(("first", "second")):
            _convs(intake, tensors, f"SDDCNN.{index}.DDCNN.{number}.", f"stages.{index}.{half}.", inputs, filters)
            inputs = len(_DILATIONS) * filters
    width = sum(len(_DILATIONS) * filters for filters in _FILTERS)
    for theirs, ours, shape in (
        ("frame_sim_layer.projection", "projection", (_BRANCH, width)),
        ("frame_sim_layer.fc", "by_feature", (_BRANCH, _COMPARED)),
        ("color_hist_layer.fc", "by_colour", (_BRANCH, _COMPARED)),
        ("fc1", "hidden", (_HIDDEN, _JOINED)),
        ("cls_layer1", "head", (1, _HIDDEN)),
    ):
        tensors[f"{ours}.weight"] = intake.take(f"{theirs}.weight", f"{ours}.weight", shape)
        tensors[f"{ours}.bias"] = intake.take(f"{theirs}.bias", f"{ours}.bias", shape[:1])
    for kind in ("weight", "bias"):
        intake.leave_out(f"cls_layer2.{kind}", _SECOND_HEAD)
    intake.finish()
    return tensors, intake.ledger


def _convs(intake: ArrayIntake, tensors: dict[str, Float32], theirs: str, ours: str, inputs: int, filters: int) -> None:
    """One group of four convolutions and its norm."""
    over_picture = []
    for place, step in enumerate(_DILATIONS):
        layers = f"{theirs}Conv3D_{step}.layers."
        shape = (2 * filters, inputs, 1, 3, 3)
        over_picture.append(intake.take(f"{layers}0.weight", f"{ours}spatial.weight", shape))
        target = f"{ours}temporal.{place}.weight"
        tensors[target] = intake.take(f"{layers}1.weight", target, (filters, 2 * filters, 3, 1, 1))
    tensors[f"{ours}spatial.weight"] = np.concatenate(over_picture)
    for kind in _NORM:
        target = f"{ours}norm.{kind}"
        tensors[target] = intake.take(f"{theirs}bn.{kind}", target, (len(_DILATIONS) * filters,))
    intake.leave_out(f"{theirs}bn.num_batches_tracked", "a training counter")
