"""The clips that published backbones were trained with: what an import sets where no recipe is given."""

from __future__ import annotations

from fractions import Fraction

from videobert.model.recipe import Recipe

KINETICS = Recipe(short_side=256, crop=224)
"""torchvision's S3D: crops of 224 out of 256, by Kinetics' mean and deviation."""

KINETICS_ZERO_CENTRED = KINETICS.replace(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
"""Kyle Min's S3D: pixels from -1 to 1."""

KINETICS_I3D = KINETICS_ZERO_CENTRED.replace(fps=Fraction(25), frames=64)
"""I3D: 64 frames at 25 per second, pixels from -1 to 1."""

HOWTO100M = Recipe(fps=Fraction(16), frames=16, short_side=224, crop=224, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""S3D-G of MIL-NCE, as UniVL's features were taken: one clip a second of 16 frames, pixels from 0 to 1."""

IMAGENET = Recipe(
    fps=Fraction(2), frames=3, short_side=256, crop=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)
"""ResNet: three frames of 1.5 s, the paper's clip; crops of 224 out of 256, by ImageNet's mean and deviation."""
