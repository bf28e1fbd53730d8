"""A BERT encoder on packed sequences: weights as plain tensors, one forward pass, no padding anywhere."""

from videobert_kernels.ops.packed_encoder.forward import Candidates, PackedInputs, best_at, encode
from videobert_kernels.ops.packed_encoder.weights import EncoderWeights, HeadWeights, LayerWeights

__all__ = ["Candidates", "EncoderWeights", "HeadWeights", "LayerWeights", "PackedInputs", "best_at", "encode"]
