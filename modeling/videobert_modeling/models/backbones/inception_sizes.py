"""Channels of the Inception network that S3D and I3D are made of (arXiv 1409.4842, table 1)."""

from __future__ import annotations

from videobert.base.errors import ModelError

STEM = (64, 64, 192)

# (1x1 | 1x1 -> 3x3x3 | 1x1 -> 3x3x3 | max pool -> 1x1), by the block's published name.
BLOCKS = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}


def with_outputs(sizes: tuple[int, ...], feature_dim: int) -> tuple[int, ...]:
    """A last block of `sizes` that gives `feature_dim` channels.

    Raises:
        ModelError: no multiple of 8.
    """
    # The published last block gives 384 + 384 + 128 + 128: three, three, one and one eighth.
    if feature_dim < 8 or feature_dim % 8:
        raise ModelError(
            "the backbone cannot have a feature of this length",
            seen=feature_dim,
            allowed="multiples of 8",
            fix="Correct backbone.feature_dim in config.json.",
        )
    eighth = feature_dim // 8
    return (3 * eighth, sizes[1], 3 * eighth, sizes[3], eighth, eighth)
