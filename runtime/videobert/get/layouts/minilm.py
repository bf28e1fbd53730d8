"""A sentence encoder under the names of Hugging Face's headless BERT (`embeddings.word_embeddings.weight`, …)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from videobert.get.layouts.intake import Array, ArrayIntake, Float32, Taken
from videobert.model.config import EncoderConfig

# all-MiniLM-L6-v2
WORDS = 30522
SIZES = EncoderConfig(layers=6, width=384, heads=12, feed_forward=1536, positions=512, segments=2, layer_norm_eps=1e-12)
_POOLER = "sentences are the mean of the states, without the pooler"


def minilm(
    arrays: Mapping[str, Array], sizes: EncoderConfig = SIZES, words: int = WORDS
) -> tuple[dict[str, Float32], list[Taken]]:
    """Our tensors of theirs, and what became of each of theirs.

    Args:
        arrays: the checkpoint, by name.
        sizes, words: what its shapes must be.

    Returns:
        Tensors under the names of `TextEncoder`, float32, without a prefix; and the ledger.

    Raises:
        ModelError: another checkpoint, or a damaged one.
    """
    intake = ArrayIntake("MiniLM", arrays)
    tensors: dict[str, Float32] = {}
    width, wide = sizes.width, sizes.feed_forward

    def take(theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        tensors[ours] = intake.take(theirs, ours, shape)

    def linear(theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        take(f"{theirs}.weight", f"{ours}.weight", shape)
        take(f"{theirs}.bias", f"{ours}.bias", shape[:1])

    take("embeddings.word_embeddings.weight", "tokens.weight", (words, width))
    take("embeddings.position_embeddings.weight", "positions.weight", (sizes.positions, width))
    take("embeddings.token_type_embeddings.weight", "segments.weight", (sizes.segments, width))
    linear("embeddings.LayerNorm", "norm", (width,))
    for index in range(sizes.layers):
        theirs, ours = f"encoder.layer.{index}.", f"layers.{index}."
        for kind, shape in (("weight", (width, width)), ("bias", (width,))):
            target = f"{ours}attention.qkv.{kind}"
            parts = [
                intake.take(f"{theirs}attention.self.{part}.{kind}", target, shape)
                for part in ("query", "key", "value")
            ]
            tensors[target] = np.concatenate(parts)
        linear(theirs + "attention.output.dense", ours + "attention.output", (width, width))
        linear(theirs + "attention.output.LayerNorm", ours + "attention_norm", (width,))
        linear(theirs + "intermediate.dense", ours + "inner", (wide, width))
        linear(theirs + "output.dense", ours + "outer", (width, wide))
        linear(theirs + "output.LayerNorm", ours + "outer_norm", (width,))
    intake.leave_out("embeddings.position_ids", "a buffer that counts positions, not a weight")
    for kind in ("weight", "bias"):
        intake.leave_out(f"pooler.dense.{kind}", _POOLER)
    intake.finish()
    return tensors, intake.ledger
