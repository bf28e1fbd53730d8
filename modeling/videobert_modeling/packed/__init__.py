"""The packed encoder as the torch engine runs it: packing, buckets, CUDA graphs and static buffers."""

from videobert_modeling.packed.encoder import PackedEncoder
from videobert_modeling.packed.weights import packed_weights, reason_against_packing

__all__ = ["PackedEncoder", "packed_weights", "reason_against_packing"]
