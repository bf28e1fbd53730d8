"""The PyTorch modules of the model family."""

from __future__ import annotations

from videobert_modeling.models.configurations import base, large, tiny
from videobert_modeling.models.joint_encoder import JointEncoder
from videobert_modeling.models.s3d import S3D
from videobert_modeling.models.videobert import VideoBert
from videobert_modeling.models.weights import backbone_tensors, load_weights, save_weights

__all__ = [
    "S3D",
    "JointEncoder",
    "VideoBert",
    "backbone_tensors",
    "base",
    "large",
    "load_weights",
    "save_weights",
    "tiny",
]
