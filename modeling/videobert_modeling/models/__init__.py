"""The PyTorch modules of the model family."""

from __future__ import annotations

from videobert_modeling.models.s3d import S3D

__all__ = ["S3D"]
