"""A BERT encoder on packed sequences: weights as plain tensors, one forward pass, no padding anywhere."""

from videobert_kernels.ops.packed_encoder.forward import PackedInputs, encode
from videobert_kernels.ops.packed_encoder.weights import EncoderWeights, LayerWeights

__all__ = ["EncoderWeights", "LayerWeights", "PackedInputs", "encode"]
