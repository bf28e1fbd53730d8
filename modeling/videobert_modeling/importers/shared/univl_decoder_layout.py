"""The decoder of a UniVL checkpoint (microsoft/UniVL, `modules/module_decoder.py`) under our names."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig
from videobert_modeling.importers.shared.intake import Intake

_LAYER = "decoder.decoder.layer."
_HEAD = "decoder.classifier.cls.predictions."
_EMBEDDINGS = "decoder.embeddings."
_PARTS = ("query", "key", "value")


def decoder_sizes(intake: Intake, *, heads: int, positions: int) -> EncoderConfig | None:
    """Sizes read off the tensors; None where the checkpoint has no decoder, as one from the first stage of training.

    Args:
        intake: a checkpoint whose decoder was not taken yet.
        heads: attention heads, which cannot be read off.
        positions: rows of the text encoder's position table, which is the decoder's too.

    Raises:
        ModelError: a tensor by which a size is known is missing or no matrix.
    """
    shapes = intake.left
    if not any(name.startswith("decoder.") for name in shapes):
        return None
    layers = 0
    while f"{_LAYER}{layers}.intermediate.dense.weight" in shapes:
        layers += 1
    inner = f"{_LAYER}0.intermediate.dense.weight"
    shape = shapes.get(inner, ())
    if len(shape) != 2:
        raise ModelError(
            f"the checkpoint's decoder has no matrix {inner}",
            seen=shape or "none",
            fix="Get a whole copy of the checkpoint.",
        )
    wide, width = shape
    if width % heads:
        raise ModelError(f"{heads} attention heads cannot share a width of {width}", fix="Pass heads=… (--heads).")
    return EncoderConfig(layers=layers, width=width, heads=heads, feed_forward=wide, positions=positions, segments=1)


def take_decoder(intake: Intake, sizes: EncoderConfig, *, words: Tensor, positions: Tensor) -> dict[str, Tensor]:
    """The tensors of `decoder.*`; word table, position table and output matrix are ties to the text encoder's.

    Args:
        sizes: see `decoder_sizes`.
        words, positions: the text encoder's tables, already taken.

    Raises:
        ModelError: a tensor is missing, has another shape, or should repeat a table and does not.
    """
    source = _Source(intake)
    width, wide = sizes.width, sizes.feed_forward
    state: dict[str, Tensor] = {}
    table, places = "text_encoder.tokens.weight", "text_encoder.positions.weight"
    source.tie(f"{_EMBEDDINGS}word_embeddings.weight", words, table, "the decoder's words are the text encoder's")
    source.tie(f"{_EMBEDDINGS}position_embeddings.weight", positions, places, "and so are its positions")
    source.tie(f"{_HEAD}decoder.weight", words, table, "the output matrix is the word table")
    state |= source.linear(f"{_EMBEDDINGS}LayerNorm", "decoder.norm", (width,))
    for index in range(sizes.layers):
        theirs, ours = f"{_LAYER}{index}.", f"decoder.layers.{index}."
        state |= source.stacked(f"{theirs}slf_attn.att.", _PARTS, f"{ours}attention.qkv", width)
        state |= source.linear(f"{theirs}slf_attn.output.dense", f"{ours}attention.output", (width, width))
        state |= source.linear(f"{theirs}slf_attn.output.LayerNorm", f"{ours}attention_norm", (width,))
        state |= source.stacked(f"{theirs}enc_attn.att.", _PARTS[:1], f"{ours}memory_attention.query", width)
        state |= source.stacked(f"{theirs}enc_attn.att.", _PARTS[1:], f"{ours}memory_attention.key_value", width)
        state |= source.linear(f"{theirs}enc_attn.output.dense", f"{ours}memory_attention.output", (width, width))
        state |= source.linear(f"{theirs}enc_attn.output.LayerNorm", f"{ours}memory_attention_norm", (width,))
        state |= source.linear(f"{theirs}intermediate.dense", f"{ours}inner", (wide, width))
        state |= source.linear(f"{theirs}output.dense", f"{ours}outer", (width, wide))
        state |= source.linear(f"{theirs}output.LayerNorm", f"{ours}outer_norm", (width,))
    state |= source.linear(f"{_HEAD}transform.dense", "decoder.transform.dense", (width, width))
    state |= source.linear(f"{_HEAD}transform.LayerNorm", "decoder.transform.norm", (width,))
    state["decoder.bias"] = source.one(f"{_HEAD}bias", "decoder.bias", (len(words),))
    return state


class _Source:
    """Takes what the layout names, or says which tensor is missing."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def one(self, theirs: str, ours: str, shape: tuple[int, ...]) -> Tensor:
        if theirs not in self._intake:
            raise ModelError(
                f"the checkpoint has no tensor {theirs}, which becomes {ours}",
                fix="Get a whole copy of the checkpoint.",
            )
        return self._intake.take(theirs, ours, shape)

    def linear(self, theirs: str, ours: str, shape: tuple[int, ...]) -> dict[str, Tensor]:
        return {
            f"{ours}.weight": self.one(f"{theirs}.weight", f"{ours}.weight", shape),
            f"{ours}.bias": self.one(f"{theirs}.bias", f"{ours}.bias", shape[:1]),
        }

    def stacked(self, theirs: str, parts: tuple[str, ...], ours: str, width: int) -> dict[str, Tensor]:
        shapes = {"weight": (width, width), "bias": (width,)}
        return {
            f"{ours}.{kind}": torch.cat([self.one(f"{theirs}{part}.{kind}", f"{ours}.{kind}", shape) for part in parts])
            for kind, shape in shapes.items()
        }

    def tie(self, theirs: str, value: Tensor, ours: str, reason: str) -> None:
        # A file may leave out a tensor that it has already.
        if theirs in self._intake:
            self._intake.tie(theirs, value, ours, reason)
