"""The visual backbones that a model can have, and how long their features can be."""

from __future__ import annotations

from typing import Literal

BackboneKind = Literal["s3d", "i3d", "s3dg", "resnet50", "resnet101", "resnet152"]

NAMES: dict[BackboneKind, str] = {
    "s3d": "S3D",
    "i3d": "I3D",
    "s3dg": "S3D-G",
    "resnet50": "ResNet-50",
    "resnet101": "ResNet-101",
    "resnet152": "ResNet-152",
}
"""What their authors call them."""

# Of a ResNet's last three convolutions the first two have 512 channels and the third four times as many.
_RESNET_NARROW, _RESNET_EXPANSION = 512, 4
_MULTIPLE = 8


def scaled(size: int, width: float) -> int:
    """Channels of a network that is `width` times as wide: a multiple of 8, at least 8."""
    return max(_MULTIPLE, int(size * width / _MULTIPLE + 0.5) * _MULTIPLE)


def why_not_feature_dim(kind: BackboneKind, width: float, feature_dim: int) -> str | None:
    """What the length of a feature may be, where it cannot be `feature_dim`; None where it can.

    Said of the kinds whose folders are not older than this rule: of S3D and I3D the network itself says it.
    """
    if kind.startswith("resnet"):
        own = _RESNET_EXPANSION * scaled(_RESNET_NARROW, width)
        return None if feature_dim == own else f"{own} at backbone.width {width:g}"
    if kind == "s3dg" and feature_dim % _MULTIPLE:
        return f"a multiple of {_MULTIPLE}"
    return None
