"""EfficientNet-Lite0 under the names of its PyTorch port (`_conv_stem.weight`, `_blocks.0._bn1.weight`, …)."""

from __future__ import annotations

from collections.abc import Mapping

from videobert.get.layouts.intake import Array, ArrayIntake, Float32, Taken

_CLASSES = 1000
_STEM, _HEAD = 32, 1280
_PICTURE_CHANNELS = 3
# Kernel, inputs, expanded channels and outputs of each block.
_BLOCKS = (
    (3, 32, 32, 16),
    (3, 16, 96, 24),
    (3, 24, 144, 24),
    (5, 24, 144, 40),
    (5, 40, 240, 40),
    (3, 40, 240, 80),
    (3, 80, 480, 80),
    (3, 80, 480, 80),
    (5, 80, 480, 112),
    (5, 112, 672, 112),
    (5, 112, 672, 112),
    (5, 112, 672, 192),
    (5, 192, 1152, 192),
    (5, 192, 1152, 192),
    (5, 192, 1152, 192),
    (3, 192, 1152, 320),
)
_NORM = ("weight", "bias", "running_mean", "running_var")


def efficientnet_lite0(arrays: Mapping[str, Array]) -> tuple[dict[str, Float32], list[Taken]]:
    """Our tensors of the port's, and what became of each of the port's.

    Args:
        arrays: the checkpoint, by name.

    Returns:
        Tensors under the names of `EfficientNetLite0`, float32, without a prefix; and the ledger.

    Raises:
        ModelError: another checkpoint, or a damaged one.
    """
    intake = ArrayIntake("EfficientNet-Lite0", arrays)
    tensors: dict[str, Float32] = {}

    def conv(theirs: str, norm: str, ours: str, shape: tuple[int, ...]) -> None:
        tensors[f"{ours}.conv.weight"] = intake.take(f"{theirs}.weight", f"{ours}.conv.weight", shape)
        for kind in _NORM:
            target = f"{ours}.norm.{kind}"
            tensors[target] = intake.take(f"{norm}.{kind}", target, shape[:1])
        intake.leave_out(f"{norm}.num_batches_tracked", "a training counter")

    conv("_conv_stem", "_bn0", "stem", (_STEM, _PICTURE_CHANNELS, 3, 3))
    for index, (kernel, inputs, wide, outputs) in enumerate(_BLOCKS):
        theirs, ours = f"_blocks.{index}.", f"blocks.{index}."
        if wide != inputs:
            conv(theirs + "_expand_conv", theirs + "_bn0", ours + "expand", (wide, inputs, 1, 1))
        conv(theirs + "_depthwise_conv", theirs + "_bn1", ours + "depthwise", (wide, 1, kernel, kernel))
        conv(theirs + "_project_conv", theirs + "_bn2", ours + "project", (outputs, wide, 1, 1))
    conv("_conv_head", "_bn1", "head", (_HEAD, _BLOCKS[-1][-1], 1, 1))
    tensors["classifier.weight"] = intake.take("_fc.weight", "classifier.weight", (_CLASSES, _HEAD))
    tensors["classifier.bias"] = intake.take("_fc.bias", "classifier.bias", (_CLASSES,))
    intake.finish()
    return tensors, intake.ledger
