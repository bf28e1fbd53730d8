"""S3D as Kyle Min's repository saves it: torchvision's network under other names.

Kernels, strides, padding, pools and the constants of BatchNorm are the same, so only names differ; the pixels it was
trained on go from -1 to 1.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_STEM = "base.0.conv_s.weight"
# A convolution or its BatchNorm, of a separable pair (0: picture, 1: time) or alone.
_PAIR = re.compile(r"features\.(.+)\.([01])\.([01])\.(\w+)")
_SINGLE = re.compile(r"features\.(.+)\.([01])\.(\w+)")
_CONV_OR_NORM = ("conv", "bn")
_PICTURE_OR_TIME = ("s", "t")
# Separable convolutions stand at these places of the network and of a block's branch.
_SEPARABLE = re.compile(r"(0|3|\d+\.branch[12]\.1)\Z")


def is_kylemin(names: Collection[str]) -> bool:
    """Whether names of tensors, without a prefix, are those of this layout."""
    return _STEM in names


def kylemin_name(ours: str) -> str:
    """Its name of one of torchvision's tensors of S3D."""
    pair = _PAIR.fullmatch(ours)
    if pair is not None and _SEPARABLE.fullmatch(pair[1]):
        place, half, layer, part = pair.groups()
        return f"base.{place}.{_CONV_OR_NORM[int(layer)]}_{_PICTURE_OR_TIME[int(half)]}.{part}"
    single = _SINGLE.fullmatch(ours)
    if single is not None:
        place, layer, part = single.groups()
        # torchvision's first branch is the convolution itself, here it is a sequence of one.
        place = f"{place}.0" if place.endswith("branch0") else place
        return f"base.{place}.{_CONV_OR_NORM[int(layer)]}.{part}"
    return ours.replace("classifier.1.", "fc.0.", 1)
