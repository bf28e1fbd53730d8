"""Packed encoders as the torch engine runs them: packing, buckets, CUDA graphs and static buffers."""

from videobert_modeling.packed.encoder import PackedEncoder
from videobert_modeling.packed.parts import Packable, packable

__all__ = ["Packable", "PackedEncoder", "packable"]
