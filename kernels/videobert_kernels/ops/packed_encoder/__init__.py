"""A BERT encoder on packed sequences: weights as plain tensors, one forward pass, no padding anywhere."""

from videobert_kernels.ops.packed_encoder.forward import PackedInputs, Spans, encode, encode_states
from videobert_kernels.ops.packed_encoder.weights import EncoderWeights, LayerWeights, StackWeights

__all__ = ["EncoderWeights", "LayerWeights", "PackedInputs", "Spans", "StackWeights", "encode", "encode_states"]
