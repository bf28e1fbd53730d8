"""The names of a Hugging Face BERT checkpoint, old and new, and how they become ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from videobert.base.arguments import as_number, as_whole
from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.model_folder.ledger import Ledger

# Reading the sizes of heads off the weights is impossible: published BERTs all have heads of 64.
_HEAD_SIZE = 64
_CONFIG_BYTES = 2**20
_TABLE = "embeddings.word_embeddings.weight"
_HEAD = "cls.predictions."
_NORM_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_LAYER = {
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "outer_norm",
}
_Number = TypeVar("_Number", int, float)
_HEADLESS = "a headless export has no prediction head: fill-in needs training"


@dataclass(frozen=True, slots=True)
class BertTensors:
    """What was taken from a checkpoint, under our names, float32.

    Args:
        state: all but the token table and the output bias.
        table: `(rows, width)` token table.
        bias: `(rows,)` output bias; None from a headless export.
    """

    state: dict[str, Tensor]
    table: Tensor
    bias: Tensor | None


@dataclass(frozen=True, slots=True)
class OpenedBert:
    """A checkpoint of which BERT's part was taken.

    Args:
        intake: what is left in it; its reader calls `finish`.
        sizes: of the encoder.
        tensors: BERT's part.
    """

    intake: Intake
    sizes: EncoderConfig
    tensors: BertTensors


def open_bert(source: Path, ledger: Ledger, *, heads: int | None = None, strict: bool = True) -> OpenedBert:
    """Read what a VideoBERT shares with a BERT from a checkpoint in BERT's layout.

    Args:
        source: a weights file or its folder; a `config.json` beside it gives heads and eps.
        heads: attention heads, if there is no `config.json` and they are not 64 wide.
        strict: see `Intake`.

    Raises:
        ModelError: not a BERT, or damaged.
    """
    checkpoint = open_checkpoint(source)
    ledger.notes += checkpoint.notes
    intake = Intake(checkpoint.tensors, ledger, strict=strict)
    layout = BertLayout(intake)
    sizes = layout.encoder_config(config_beside(checkpoint.path), heads)
    return OpenedBert(intake, sizes, layout.take(sizes))


class BertLayout:
    """A checkpoint seen under modern headless names: no `bert.` prefix, LayerNorm with weight and bias.

    Raises:
        ModelError: two tensors end under one name, or there is no word table.
    """

    def __init__(self, intake: Intake) -> None:
        self.intake = intake
        self._source: dict[str, str] = {}
        for name in intake.left:
            plain = name.removeprefix("bert.")
            for old, new in _NORM_NAMES.items():
                if plain.endswith(old):
                    plain = plain.removesuffix(old) + new
            if plain in self._source:
                raise ModelError(f"tensors {self._source[plain]} and {name} are the same one", fix="Keep one of them.")
            self._source[plain] = name
        if _TABLE not in self._source:
            raise ModelError("the checkpoint has no BERT word table", allowed=f"bert.{_TABLE}")

    def encoder_config(self, fields: dict[str, Any], heads: int | None) -> EncoderConfig:
        """Sizes read off the tensors; heads and eps from the fields of a `config.json`, or BERT's own."""
        shapes = self.intake.left

        def shape(name: str) -> tuple[int, ...]:
            if name not in self._source:
                raise ModelError(f"the checkpoint has no tensor {name}", fix="Check that it is a BERT checkpoint.")
            found = shapes[self._source[name]]
            if len(found) != 2:
                raise ModelError(f"tensor {name} has another shape", seen=found, allowed="two dimensions")
            return found

        layers = 0
        while f"encoder.layer.{layers}.intermediate.dense.weight" in self._source:
            layers += 1
        _, width = shape(_TABLE)
        if heads is None:
            heads = _stated(fields, "num_attention_heads", as_whole, max(1, width // _HEAD_SIZE))
        if not 0 < heads <= width or width % heads:
            raise ModelError(f"{heads} attention heads cannot share a width of {width}", fix="Pass heads=… (--heads).")
        return EncoderConfig(
            layers=layers,
            width=width,
            heads=heads,
            feed_forward=shape("encoder.layer.0.intermediate.dense.weight")[0],
            positions=shape("embeddings.position_embeddings.weight")[0],
            segments=shape("embeddings.token_type_embeddings.weight")[0],
            layer_norm_eps=_stated(fields, "layer_norm_eps", as_number, 1e-12),
        )

    def take(self, sizes: EncoderConfig) -> BertTensors:
        """All tensors that a VideoBERT shares with a BERT; the usual leftovers are ignored for stated reasons."""
        width, wide = sizes.width, sizes.feed_forward
        state: dict[str, Tensor] = {}
        table = self._one(_TABLE, "encoder.tokens.weight")
        for part, rows in (("position", sizes.positions), ("token_type", sizes.segments)):
            ours = "encoder.positions.weight" if part == "position" else "encoder.segments.weight"
            self._put(state, f"embeddings.{part}_embeddings.weight", ours, (rows, width))
        self._linear(state, "embeddings.LayerNorm", "encoder.norm", (width,))
        for index in range(sizes.layers):
            theirs, ours = f"encoder.layer.{index}.", f"encoder.layers.{index}."
            self._qkv(state, theirs + "attention.self.", ours + "attention.qkv.", width)
            for name, target in _LAYER.items():
                shape = {"inner": (wide, width), "outer": (width, wide), "attention.output": (width, width)}
                self._linear(state, theirs + name, ours + target, shape.get(target, (width,)))
        bias = self._head(state, table, width)
        self._ignore_leftovers()
        return BertTensors(state, table, bias)

    def _head(self, state: dict[str, Tensor], table: Tensor, width: int) -> Tensor | None:
        if not any(name.startswith(_HEAD) for name in self._source):
            for target in ("transform.dense.weight", "transform.dense.bias", "transform.norm.weight"):
                self.intake.missing(f"heads.{target}", _HEADLESS)
            for target in ("transform.norm.bias", "bias"):
                self.intake.missing(f"heads.{target}", _HEADLESS)
            return None
        self._linear(state, _HEAD + "transform.dense", "heads.transform.dense", (width, width))
        self._linear(state, _HEAD + "transform.LayerNorm", "heads.transform.norm", (width,))
        self._tie(_HEAD + "decoder.weight", table, "encoder.tokens.weight", "the output matrix is the token table")
        # Files hold the bias under either name, or both: the decoder's own is a copy.
        first, second = _HEAD + "bias", _HEAD + "decoder.bias"
        bias = self._one(first if first in self._source else second, "heads.bias", (len(table),))
        if first in self._source:
            self._tie(second, bias, "heads.bias", "a copy of the output bias")
        return bias

    def _ignore_leftovers(self) -> None:
        reasons = {
            "embeddings.position_ids": "a buffer that counts positions, not a weight",
            "embeddings.token_type_ids": "a buffer of zeros, not a weight",
            "pooler.dense.weight": "trained for next-sentence prediction, which this family does not have",
            "pooler.dense.bias": "trained for next-sentence prediction, which this family does not have",
            "cls.seq_relationship.weight": "the next-sentence head, which this family does not have",
            "cls.seq_relationship.bias": "the next-sentence head, which this family does not have",
        }
        for name, reason in reasons.items():
            self.intake.ignore(self._source.get(name, name), reason)

    def _qkv(self, state: dict[str, Tensor], theirs: str, ours: str, width: int) -> None:
        for kind, shape in (("weight", (width, width)), ("bias", (width,))):
            parts = [self._one(f"{theirs}{part}.{kind}", ours + kind, shape) for part in ("query", "key", "value")]
            state[ours + kind] = torch.cat(parts)

    def _linear(self, state: dict[str, Tensor], theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        self._put(state, f"{theirs}.weight", f"{ours}.weight", shape)
        self._put(state, f"{theirs}.bias", f"{ours}.bias", shape[:1])

    def _put(self, state: dict[str, Tensor], theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        state[ours] = self._one(theirs, ours, shape)

    def _one(self, theirs: str, ours: str, shape: tuple[int, ...] | None = None) -> Tensor:
        if theirs not in self._source:
            raise ModelError(
                f"the checkpoint has no tensor {theirs}, which becomes {ours}",
                fix="Get a whole copy of the checkpoint.",
            )
        return self.intake.take(self._source[theirs], ours, shape)

    def _tie(self, theirs: str, value: Tensor, ours: str, reason: str) -> None:
        if theirs in self._source:
            self.intake.tie(self._source[theirs], value, ours, reason)


def _stated(fields: dict[str, Any], name: str, read: Callable[[object], _Number | None], usual: _Number) -> _Number:
    """A number of `config.json`, or the usual one where it says nothing."""
    if name not in fields:
        return usual
    number = read(fields[name])
    if number is None:
        raise ModelError(
            f"config.json: {name} is not a number",
            seen=fields[name],
            fix="Correct it in the config.json beside the weights.",
        )
    return number


def config_beside(weights: Path) -> dict[str, Any]:
    """The fields of the `config.json` beside a weights file; none if there is no such file.

    Raises:
        ModelError: it is damaged, or describes another network than a BERT with exact GELU and absolute positions.
    """
    path = weights.parent / "config.json"
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise ValueError(f"larger than {_CONFIG_BYTES} bytes")
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("not an object")
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError("the config.json beside the weights cannot be read", seen=str(error)) from error
    for name, allowed in {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}.items():
        if fields.get(name, allowed) != allowed:
            raise ModelError(f"this is not a plain BERT: {name}", seen=fields[name], allowed=allowed)
    return fields
