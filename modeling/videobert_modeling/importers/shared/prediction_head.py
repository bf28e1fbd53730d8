"""The head that predicts masked words, as BERT and RoBERTa name it: dense layer, LayerNorm, the tied word table."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from videobert_modeling.importers.shared.encoder_layout import EncoderLayout

_HEADLESS = "a headless export has no prediction head: fill-in needs training"
_OURS = ("transform.dense.weight", "transform.dense.bias", "transform.norm.weight", "transform.norm.bias", "bias")


@dataclass(frozen=True, slots=True)
class HeadNames:
    """What a checkpoint calls the head's parts.

    Args:
        prefix: before all of them, with its dot.
        dense, norm: the layers before the output matrix.
    """

    prefix: str
    dense: str
    norm: str


def take_head(layout: EncoderLayout, names: HeadNames, state: dict[str, Tensor], table: Tensor) -> Tensor | None:
    """Put the head's tensors into `state` under the names of a model's `heads`.

    Args:
        table: the word table, to which the output matrix is tied.

    Returns:
        The output bias `(rows,)`; None of a headless export, whose head is noted as missing.
    """
    if not layout.has(names.prefix):
        for target in _OURS:
            layout.intake.missing(f"heads.{target}", _HEADLESS)
        return None
    rows, width = table.shape
    layout.linear(state, names.prefix + names.dense, "heads.transform.dense", (width, width))
    layout.linear(state, names.prefix + names.norm, "heads.transform.norm", (width,))
    layout.tie(f"{names.prefix}decoder.weight", table, "encoder.tokens.weight", "the output matrix is the token table")
    # Files hold the bias under either name, or both: the decoder's own is a copy.
    first, second = f"{names.prefix}bias", f"{names.prefix}decoder.bias"
    bias = layout.one(first if first in layout else second, "heads.bias", (rows,))
    if first in layout:
        layout.tie(second, bias, "heads.bias", "a copy of the output bias")
    return bias
