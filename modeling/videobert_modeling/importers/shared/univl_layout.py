"""The names of a UniVL checkpoint (microsoft/UniVL, `modules/modeling.py`), and how they become ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig, TwoStreamsConfig
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.univl_decoder_layout import decoder_sizes, take_decoder

_NORM_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}
_WRAPPER = "univl."
_WORDS = (
    "bert.embeddings.word_embeddings.weight",
    "decoder.embeddings.word_embeddings.weight",
    "decoder.classifier.cls.predictions.decoder.weight",
    "cls.predictions.decoder.weight",
)
_POSITIONS = ("bert.embeddings.position_embeddings.weight", "decoder.embeddings.position_embeddings.weight")
_FEATURES = ("visual.embeddings.word_embeddings.weight", "cls_visual.predictions.weight")
_WHOLE = "Get a whole copy of the checkpoint."
_LAYER = {
    "attention.output.dense": "attention.output",
    "attention.output.LayerNorm": "attention_norm",
    "intermediate.dense": "inner",
    "output.dense": "outer",
    "output.LayerNorm": "outer_norm",
}
# The public recipes cut texts to so many places, `[CLS]` and `[SEP]` among them.
PUBLIC_ROOM = 48


@dataclass(frozen=True, slots=True)
class UnivlSizes:
    """What a checkpoint holds.

    Args:
        words, feature_dim: rows of the word table, and width of a feature.
        encoder: of text.
        streams: the other parts.
        heads: of ours that it has.
    """

    words: int
    feature_dim: int
    encoder: EncoderConfig
    streams: TwoStreamsConfig
    heads: tuple[str, ...]


def plain_names(tensors: Mapping[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    """The tensors without what a training program put before their names, LayerNorms with weight and bias.

    Raises:
        ModelError: two tensors end under one name.
    """
    found: dict[str, Tensor] = {}
    wrapped = all(name.startswith(_WRAPPER) for name in tensors)
    if wrapped:
        notes.append(f"took the prefix `{_WRAPPER}` off every name")
    for name, tensor in tensors.items():
        plain = name.removeprefix(_WRAPPER) if wrapped else name
        for old, new in _NORM_NAMES.items():
            if plain.endswith(old):
                plain = plain.removesuffix(old) + new
        if plain in found:
            raise ModelError(f"two tensors of the checkpoint would both be {plain}", fix="Keep one of them.")
        found[plain] = tensor
    if any(name.endswith(tuple(_NORM_NAMES)) for name in tensors):
        notes.append("LayerNorms are named gamma and beta in the file")
    return found


class UnivlLayout:
    """A checkpoint under plain names.

    Args:
        intake: nothing was taken of it yet.
        heads: attention heads of `text`, `visual`, `cross` and `decoder`; None where nobody said, for heads of 64.
        text_room: see `TwoStreamsConfig`; None for the public recipes' 48, or less where that is all there is.
        decoder_positions: longest sentence; None for the rows of the position table.
    """

    def __init__(
        self,
        intake: Intake,
        heads: Mapping[str, int | None],
        *,
        text_room: int | None = None,
        decoder_positions: int | None = None,
    ) -> None:
        self._intake = intake
        self._heads = heads
        self._shapes = intake.left
        self._text_room, self._decoder_positions = text_room, decoder_positions

    def sizes(self) -> UnivlSizes:
        """Read off the tensors.

        Raises:
            ModelError: one by which a size is known is missing or no matrix, or attention heads do not fit.
        """
        words, width = self._matrix(*_WORDS)
        positions, _ = self._matrix(*_POSITIONS)
        segments, _ = self._matrix("bert.embeddings.token_type_embeddings.weight")
        encoder = self._stack("bert", "text", width, positions, segments)
        video_positions, _ = self._matrix("visual.embeddings.position_embeddings.weight")
        video = self._stack("visual", "visual", width, video_positions, 1)
        _, feature_dim = self._matrix(*_FEATURES)
        fusion = None
        if self._has("cross."):
            fused_positions, _ = self._matrix("cross.embeddings.position_embeddings.weight")
            fused_segments, _ = self._matrix("cross.embeddings.token_type_embeddings.weight")
            fusion = self._stack("cross", "cross", width, fused_positions, fused_segments)
        decoder_heads = self._heads_of("decoder", width) if self._has("decoder.") else 1
        rows = positions if self._decoder_positions is None else min(positions, self._decoder_positions)
        decoder = decoder_sizes(self._intake, heads=decoder_heads, positions=rows)
        room = min(PUBLIC_ROOM, positions, positions if fusion is None else fusion.positions - 1)
        streams = TwoStreamsConfig(
            video=video,
            fusion=fusion,
            decoder=decoder,
            text_room=room if self._text_room is None else self._text_room,
        )
        # What was trained beside the cross encoder, and the heads of pretraining, of which a file has both or neither.
        masked = ("text", "visual") if self._has("cls.") or self._has("cls_visual.") else ()
        heads = (*masked, *(("alignment",) if fusion else ()), *(("decoder",) if decoder else ()))
        return UnivlSizes(words, feature_dim, encoder, streams, heads)

    def take(self, sizes: UnivlSizes) -> dict[str, Tensor]:
        """All tensors under our names; what the family has no use for is ignored for stated reasons.

        Raises:
            ModelError: one is missing or has another shape.
        """
        encoder, streams, dim = sizes.encoder, sizes.streams, sizes.feature_dim
        width = encoder.width
        state: dict[str, Tensor] = {}
        table = self._tied(state, _WORDS, "text_encoder.tokens.weight", (sizes.words, width))
        places = self._tied(state, _POSITIONS, "text_encoder.positions.weight", (encoder.positions, width))
        kinds = "bert.embeddings.token_type_embeddings.weight"
        self._put(state, kinds, "text_encoder.segments.weight", (encoder.segments, width))
        self._norm_and_layers(state, "bert", "text_encoder", encoder)
        self._tied(state, _FEATURES, "video_encoder.features.weight", (width, dim))
        self._put(state, "visual.embeddings.word_embeddings.bias", "video_encoder.features.bias", (width,))
        rows = (streams.video.positions, width)
        self._put(state, "visual.embeddings.position_embeddings.weight", "video_encoder.positions.weight", rows)
        self._norm_and_layers(state, "visual", "video_encoder", streams.video)
        self._linear(state, "normalize_video.visual_norm2d", "video_encoder.feature_norm", (dim,))
        if streams.fusion is not None:
            self._fusion(state, streams.fusion)
        for head, theirs, size in (("text", "cls", sizes.words), ("visual", "cls_visual", dim)):
            if head in sizes.heads:
                self._linear(
                    state, f"{theirs}.predictions.transform.dense", f"heads.{head}.transform.dense", (width, width)
                )
                self._linear(
                    state, f"{theirs}.predictions.transform.LayerNorm", f"heads.{head}.transform.norm", (width,)
                )
                self._put(state, f"{theirs}.predictions.bias", f"heads.{head}.bias", (size,))
        if streams.decoder is not None:
            state |= take_decoder(self._intake, streams.decoder, words=table, positions=places)
        self._ignore_leftovers()
        return state

    def _fusion(self, state: dict[str, Tensor], fusion: EncoderConfig) -> None:
        width = fusion.width
        for part, rows, target in (
            ("position", fusion.positions, "positions"),
            ("token_type", fusion.segments, "segments"),
        ):
            theirs = f"cross.embeddings.{part}_embeddings.weight"
            self._put(state, theirs, f"cross_encoder.{target}.weight", (rows, width))
        self._norm_and_layers(state, "cross", "cross_encoder", fusion)
        self._linear(state, "cross.pooler.dense", "pooler.dense", (width, width))
        self._linear(state, "similarity_dense", "alignment_head", (1, width))

    def _norm_and_layers(self, state: dict[str, Tensor], theirs: str, ours: str, sizes: EncoderConfig) -> None:
        width, wide = sizes.width, sizes.feed_forward
        shapes = {"inner": (wide, width), "outer": (width, wide), "attention.output": (width, width)}
        self._linear(state, f"{theirs}.embeddings.LayerNorm", f"{ours}.norm", (width,))
        for index in range(sizes.layers):
            layer, target = f"{theirs}.encoder.layer.{index}.", f"{ours}.layers.{index}."
            for kind, shape in (("weight", (width, width)), ("bias", (width,))):
                names = [f"{layer}attention.self.{part}.{kind}" for part in ("query", "key", "value")]
                stacked = [self._one(name, f"{target}attention.qkv.{kind}", shape) for name in names]
                state[f"{target}attention.qkv.{kind}"] = torch.cat(stacked)
            for name, part in _LAYER.items():
                self._linear(state, layer + name, target + part, shapes.get(part, (width,)))

    def _ignore_leftovers(self) -> None:
        for stream in ("bert", "visual"):
            for kind in ("weight", "bias"):
                self._intake.ignore(
                    f"{stream}.pooler.dense.{kind}", "the pooler of one stream, which no output of the model reads"
                )
            self._intake.ignore(f"{stream}.embeddings.position_ids", "a buffer that counts positions, not a weight")

    def _tied(self, state: dict[str, Tensor], names: Sequence[str], ours: str, shape: tuple[int, ...]) -> Tensor:
        """One tensor under several names, of which a file may leave out all but one.

        Where they differ, the last holds: the program that wrote the file reads it so, as each name fills the same
        tensor in turn.
        """
        present = [name for name in names if name in self._intake]
        if not present:
            raise _missing(names[0], ours)
        value = self._one(present[-1], ours, shape)
        for name in present[:-1]:
            if self._intake.repeats(name, value):
                self._intake.tie(name, value, ours, f"the same tensor as {present[-1]}")
            else:
                self._intake.ignore(name, f"differs from {present[-1]}, which is the same one in UniVL and read last")
        state[ours] = value
        return value

    def _linear(self, state: dict[str, Tensor], theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        self._put(state, f"{theirs}.weight", f"{ours}.weight", shape)
        self._put(state, f"{theirs}.bias", f"{ours}.bias", shape[:1])

    def _put(self, state: dict[str, Tensor], theirs: str, ours: str, shape: tuple[int, ...]) -> None:
        state[ours] = self._one(theirs, ours, shape)

    def _one(self, theirs: str, ours: str, shape: tuple[int, ...]) -> Tensor:
        if theirs not in self._intake:
            raise _missing(theirs, ours)
        return self._intake.take(theirs, ours, shape)

    def _has(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for name in self._shapes)

    def _matrix(self, *names: str) -> tuple[int, int]:
        """The shape of the last of these that is there."""
        present = [name for name in names if name in self._shapes]
        if not present:
            raise ModelError(
                f"the checkpoint has no tensor {names[0]}",
                seen=", ".join(list(self._shapes)[:4]),
                fix="Check that it is a UniVL checkpoint.",
            )
        shape = self._shapes[present[-1]]
        if len(shape) != 2:
            raise ModelError(f"tensor {present[-1]} has another shape", seen=shape, allowed="two dimensions")
        return shape[0], shape[1]

    def _stack(self, theirs: str, part: str, width: int, positions: int, segments: int) -> EncoderConfig:
        layers = 0
        while f"{theirs}.encoder.layer.{layers}.intermediate.dense.weight" in self._shapes:
            layers += 1
        wide, _ = self._matrix(f"{theirs}.encoder.layer.0.intermediate.dense.weight")
        heads = self._heads_of(part, width)
        return EncoderConfig(
            layers=layers, width=width, heads=heads, feed_forward=wide, positions=positions, segments=segments
        )

    def _heads_of(self, part: str, width: int) -> int:
        """Attention heads cannot be read off the weights; published ones are 64 wide."""
        stated = self._heads.get(part)
        heads = stated if stated is not None else width // 64 if width % 64 == 0 else 0
        if not 0 < heads <= width or width % heads:
            raise ModelError(
                f"{heads} attention heads cannot share a width of {width}"
                if stated is not None
                else "how many attention heads there are cannot be read off the weights",
                seen=f"width {width}",
                allowed="heads of one size, together as wide",
                fix="Pass heads=… (--heads).",
            )
        return heads


def _missing(theirs: str, ours: str) -> ModelError:
    return ModelError(f"the checkpoint has no tensor {theirs}, which becomes {ours}", fix=_WHOLE)
