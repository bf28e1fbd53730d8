"""Packed encoders and a decoder's steps as the torch engine runs them, with buckets, CUDA graphs and static buffers."""

from videobert_modeling.packed.decoder import use_kernels
from videobert_modeling.packed.encoder import PackedEncoder
from videobert_modeling.packed.parts import Packable, packable

__all__ = ["Packable", "PackedEncoder", "packable", "use_kernels"]
