"""The names that Hugging Face gives the tensors of an encoder like BERT's, and how they become ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from videobert.base.arguments import as_number, as_whole
from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.network_config import check_sizes, stated

# Reading the sizes of heads off the weights is impossible: published ones all have heads of 64.
_HEAD_SIZE = 64
TABLE = "embeddings.word_embeddings.weight"
_POSITIONS = "embeddings.position_embeddings.weight"
_SEGMENTS = "embeddings.token_type_embeddings.weight"
_NORM_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_LAYER = {
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "outer_norm",
}


@dataclass(frozen=True, slots=True)
class TextTensors:
    """What was taken from a checkpoint, under our names, float32.

    Args:
        state: all but the token table and the output bias.
        table: `(rows, width)` token table.
        bias: `(rows,)` output bias; None from a headless export.
    """

    state: dict[str, Tensor]
    table: Tensor
    bias: Tensor | None


class EncoderLayout:
    """A checkpoint seen under modern headless names: no prefix, LayerNorm with weight and bias.

    Args:
        intake: what the checkpoint holds.
        network: what it is called in errors.
        prefix: what stands before the encoder's names, in files that are not headless.
        first_position: rows of the position table that belong to no word.
        most_segments: segments that are kept; None for all.

    Raises:
        ModelError: two tensors end under one name, or there is no word table.
    """

    def __init__(
        self,
        intake: Intake,
        network: str,
        prefix: str,
        *,
        first_position: int = 0,
        most_segments: int | None = None,
    ) -> None:
        self.intake = intake
        self._network, self._first_position, self._most_segments = network, first_position, most_segments
        self._source: dict[str, str] = {}
        for name in intake.left:
            plain = name.removeprefix(prefix)
            for old, new in _NORM_NAMES.items():
                if plain.endswith(old):
                    plain = plain.removesuffix(old) + new
            if plain in self._source:
                raise ModelError(f"tensors {self._source[plain]} and {name} are the same one", fix="Keep one of them.")
            self._source[plain] = name
        if TABLE not in self._source:
            raise ModelError(f"the checkpoint has no {network} word table", allowed=f"{prefix}{TABLE}")

    def __contains__(self, name: str) -> bool:
        return name in self._source

    def has(self, prefix: str) -> bool:
        """Whether there are tensors whose names begin so."""
        return any(name.startswith(prefix) for name in self._source)

    def rows(self, name: str) -> int:
        """Rows of a matrix that is still to be taken."""
        return self._shape(name)[0]

    @property
    def segment_rows(self) -> int:
        """Rows of the table of segments."""
        return self.rows(_SEGMENTS)

    def sizes(self, fields: Mapping[str, Any], heads: int | None, *, eps: float, words: bool = True) -> EncoderConfig:
        """Sizes read off the tensors; heads and eps from the fields of a `config.json`, which must fit the tensors.

        Args:
            heads: attention heads, where nothing tells.
            eps: where nothing tells.
            words: whether `config.json` counts the words too.

        Raises:
            ModelError: a matrix is missing, or `config.json` describes other weights.
        """
        layers = 0
        while f"encoder.layer.{layers}.intermediate.dense.weight" in self._source:
            layers += 1
        table, width = self._shape(TABLE)
        feed_forward, positions = self.rows("encoder.layer.0.intermediate.dense.weight"), self.rows(_POSITIONS)
        found = {
            "num_hidden_layers": layers,
            "hidden_size": width,
            "intermediate_size": feed_forward,
            "max_position_embeddings": positions,
            "type_vocab_size": self.segment_rows,
        }
        check_sizes(fields, found | ({"vocab_size": table} if words else {}))
        if heads is None:
            heads = stated(fields, "num_attention_heads", as_whole, max(1, width // _HEAD_SIZE))
        if not 0 < heads <= width or width % heads:
            raise ModelError(f"{heads} attention heads cannot share a width of {width}", fix="Pass heads=… (--heads).")
        if positions <= self._first_position:
            raise ModelError(
                "the table of positions has no row for a word",
                seen=positions,
                allowed=f"more than {self._first_position}",
            )
        return EncoderConfig(
            layers=layers,
            width=width,
            heads=heads,
            feed_forward=feed_forward,
            positions=positions - self._first_position,
            segments=min(self.segment_rows, self._most_segments or self.segment_rows),
            layer_norm_eps=stated(fields, "layer_norm_eps", as_number, eps),
        )

    def take(self, sizes: EncoderConfig, target: str) -> dict[str, Tensor]:
        """The encoder's tensors as one of ours has them.

        Args:
            target: what stands before our names, with its dot.
        """
        width, wide = sizes.width, sizes.feed_forward
        state = {f"{target}tokens.weight": self.one(TABLE, f"{target}tokens.weight")}
        positions = self.one(_POSITIONS, f"{target}positions.weight", (sizes.positions + self._first_position, width))
        state[f"{target}positions.weight"] = positions[self._first_position :].contiguous()
        segments = self.one(_SEGMENTS, f"{target}segments.weight", (self.segment_rows, width))
        state[f"{target}segments.weight"] = segments[: sizes.segments].contiguous()
        self.linear(state, "embeddings.LayerNorm", f"{target}norm", (width,))
        for index in range(sizes.layers):
            theirs, ours = f"encoder.layer.{index}.", f"{target}layers.{index}."
            self._qkv(state, theirs + "attention.self.", ours + "attention.qkv.", width)
            for name, part in _LAYER.items():
                shape = {"inner": (wide, width), "outer": (width, wide), "attention.output": (width, width)}
                self.linear(state, theirs + name, ours + part, shape.get(part, (width,)))
        return state

    def linear(self, state: dict[str, Tensor], theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        """Put weight and bias of a layer into `state`; `shape` is the weight's."""
        state[f"{ours}.weight"] = self.one(f"{theirs}.weight", f"{ours}.weight", shape)
        state[f"{ours}.bias"] = self.one(f"{theirs}.bias", f"{ours}.bias", shape[:1])

    def one(self, theirs: str, ours: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """See `Intake.take`; one that is missing is refused."""
        if theirs not in self._source:
            raise ModelError(
                f"the checkpoint has no tensor {theirs}, which becomes {ours}",
                fix="Get a whole copy of the checkpoint.",
            )
        return self.intake.take(self._source[theirs], ours, shape)

    def tie(self, theirs: str, value: Tensor, ours: str, reason: str) -> None:
        """See `Intake.tie`; one that is missing is left so."""
        if theirs in self._source:
            self.intake.tie(self._source[theirs], value, ours, reason)

    def ignore(self, reasons: Mapping[str, str]) -> None:
        """Tensors that have no place in our model, each for a reason, where they are there."""
        for name, reason in reasons.items():
            self.intake.ignore(self._source.get(name, name), reason)

    def _qkv(self, state: dict[str, Tensor], theirs: str, ours: str, width: int) -> None:
        for kind, shape in (("weight", (width, width)), ("bias", (width,))):
            parts = [self.one(f"{theirs}{part}.{kind}", ours + kind, shape) for part in ("query", "key", "value")]
            state[ours + kind] = torch.cat(parts)

    def _shape(self, name: str) -> tuple[int, ...]:
        if name not in self._source:
            raise ModelError(
                f"the checkpoint has no tensor {name}", fix=f"Check that it is a {self._network} checkpoint."
            )
        found = self.intake.left[self._source[name]]
        if len(found) != 2:
            raise ModelError(f"tensor {name} has another shape", seen=found, allowed="two dimensions")
        return found
