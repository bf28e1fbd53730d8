"""The PyTorch modules of the model families."""

from __future__ import annotations

from videobert_modeling.models.backbones.i3d import I3D
from videobert_modeling.models.backbones.resnet import ResNet
from videobert_modeling.models.backbones.s3d import S3D
from videobert_modeling.models.backbones.s3dg import S3DG
from videobert_modeling.models.configurations import base, large, tiny
from videobert_modeling.models.encoders.joint import JointEncoder
from videobert_modeling.models.families.videobert import VideoBert
from videobert_modeling.models.weights import backbone_tensors, load_weights, save_weights

__all__ = [
    "I3D",
    "S3D",
    "S3DG",
    "JointEncoder",
    "ResNet",
    "VideoBert",
    "backbone_tensors",
    "base",
    "large",
    "load_weights",
    "save_weights",
    "tiny",
]
