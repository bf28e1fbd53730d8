"""Where an answer comes from: the model, what ran it, and what was read."""

from __future__ import annotations

from dataclasses import dataclass, field

from videobert.results.as_json import LEFT_OUT_IF_EMPTY, LEFT_OUT_IF_NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensFrom:
    """What made visual tokens that were given in place of a video: the engine and the precision of its graphs."""

    engine: str
    precision: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an answer comes from.

    Args:
        model: name of the model.
        weights: the first 16 hexadecimal digits of the sha256 of its `manifest.json`, which covers every file of the
            model: two models with one name differ here.
        recipe: hash of the recipe in use, stride included.
        engine: engine that ran the graphs, e.g. `"openvino"`.
        device: device it ran on, e.g. `"CPU"`.
        precision: arithmetic of the graphs, e.g. `"fp32"` or `"bf16"`; `"exact"` is bf16 whose tokens are fp32's, see
            `recomputed`.
        stride: every how many clips one was used.
        videobert: version of this package.
        decoder: what decoded the video, `"pyav"` or `"dali"`; None where nothing was decoded.
        assignment: how visual tokens were chosen, `"flat"` or `"tree"`; None without a video, or in a model
            without tokens.
        tokens_from: what made the visual tokens, where those were given in place of a video; None if this engine did.
        fallback: why this is not the engine or precision that would have been first choice; None if it is.
        decoder_fallback: the same for what decoded the video; also None where none was decoded.
        track, tracks: which video track was read, from 0, and how many the file has; None where it has only one.
        frames_left_out, stills_cut: see `VideoInfo`; None where there are none.
        untrained: parts of the model that this answer rests on and that were never trained: names of stages, and
            `visual_tokens` for what tells the encoder one of these from another. Such an answer means nothing. Absent
            in JSON where there are none.
        int8: stages that run on 8-bit values: in precision `"int8"` those that the model was made ready for, and in all
            but fp32 those of which that was shown to change no answer; empty, and absent in JSON, of other models.
        recomputed: in precision `"exact"` how many clips lay near a tie and were computed again in fp32; None, and
            absent in JSON, in others and where no video was read.
    """

    model: str
    weights: str
    recipe: str
    engine: str
    device: str
    precision: str
    stride: int
    videobert: str
    decoder: str | None = None
    assignment: str | None = None
    tokens_from: TokensFrom | None = None
    fallback: str | None = None
    decoder_fallback: str | None = None
    track: int | None = None
    tracks: int | None = None
    frames_left_out: int | None = None
    stills_cut: int | None = None
    untrained: tuple[str, ...] = ()
    int8: tuple[str, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)
    recomputed: int | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
