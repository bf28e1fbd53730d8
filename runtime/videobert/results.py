"""What the verbs of `Runtime` return: small frozen dataclasses, ready for JSON.

Times are seconds of presentation time. Scores say in their docstring what they are.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.arguments import described
from videobert.errors import UsageError


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
        precision: arithmetic of the graphs, e.g. `"fp32"` or `"bf16"`.
        stride: every how many clips one was used.
        videobert: version of this package.
        decoder: what decoded the video, `"pyav"` or `"dali"`; None where nothing was decoded.
        assignment: how visual tokens were chosen, `"flat"` or `"tree"`; None without a video.
        tokens_from: what made the visual tokens, where those were given in place of a video; None if this engine did.
        fallback: why this is not the engine or precision that would have been first choice; None if it is.
        decoder_fallback: the same for what decoded the video; also None where none was decoded.
        track, tracks: which video track was read, from 0, and how many the file has; None where it has only one.
        frames_left_out, stills_cut: see `VideoInfo`; None where there are none.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One ranked answer.

    Args:
        text: the word or label; for a visual position, the visual token as text, e.g. `"<712>"`.
        id: the id in the joint vocabulary, or None for a label.
        score: probability for `fill`; for `classify` the prior-corrected score as a probability over the labels.
        log_prior: `classify` only: the text-only log-score that was subtracted.
    """

    text: str
    id: int | None
    score: float
    log_prior: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Ranked answers for one masked position.

    Args:
        kind: `"word"` or `"visual"`.
        index: which `[MASK]` of the text (0 is the first), or which visual position.
        candidates: best first.
        start_s, end_s: time of the visual position; None for a word.
    """

    kind: Literal["word", "visual"]
    index: int
    candidates: tuple[Candidate, ...]
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """The result of `fill`.

    Args:
        filled: one `Filled` per masked word, then one per masked visual position.
        percentile, out_of_domain: see `Report`; None without a video.
        unknown_words: words of the text that the model does not know, each once and in order: it read `[UNK]` there.
    """

    text: str
    filled: tuple[Filled, ...]
    origin: Origin
    percentile: float | None = None
    out_of_domain: bool | None = None
    unknown_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of time with ranked answers.

    Args:
        start_s, end_s: bounds in seconds of presentation time.
        candidates: best first.
        percentile: out-of-domain signal, 0 to 100: the median over the segment's clips of where each clip's distance
            to its centroid lies among the codebook's training distances.
        padded_frames: frames of the last clip that repeat the video's last frame.
    """

    start_s: float
    end_s: float
    candidates: tuple[Candidate, ...]
    percentile: float
    padded_frames: int = 0

    @property
    def text(self) -> str:
        """The best answer."""
        return self.candidates[0].text


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The result of `classify`.

    Args:
        segments: one per window of the video, in time order.
        percentile, out_of_domain: of the whole video, see `Report`.
        unknown_words: of the templates, see `Fill`; a label that the model does not know is refused.
    """

    question: str | None
    templates: tuple[str, ...]
    labels: tuple[str, ...]
    segments: tuple[Segment, ...]
    percentile: float
    out_of_domain: bool
    origin: Origin
    unknown_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedWindow:
    """How well a text fits one window of the video: `score` is the probability that they belong together."""

    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The result of `align`.

    Args:
        score: probability that text and video belong together: the mean of the windows' log-odds, squashed.
        windows: the score of each window; one window if the video fits the model's context.
        percentile, out_of_domain: see `Report`.
        unknown_words: see `Fill`.
    """

    text: str
    score: float
    windows: tuple[AlignedWindow, ...]
    percentile: float
    out_of_domain: bool
    origin: Origin
    unknown_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """The result of `embed`.

    Args:
        vector: float32 `(width,)`, the mean over windows of the joint encoder's final `[CLS]` state.
        kind: what went in: `"video"`, `"text"` or `"joint"`.
        comparable: False: vectors of text and of video are comparable with each other only with a retrieval
            head, which no model family here has yet; vectors of one kind are comparable among themselves.
        percentile, out_of_domain: see `Report`; None without a video.
        unknown_words: see `Fill`.
    """

    vector: npt.NDArray[np.float32]
    kind: Literal["video", "text", "joint"]
    origin: Origin
    comparable: bool = False
    percentile: float | None = None
    out_of_domain: bool | None = None
    unknown_words: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Embedding(kind={self.kind!r}, vector=float32{self.vector.shape}, comparable={self.comparable})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSegment:
    """One line of a `Report`: a stretch of time in which every answer stays the same.

    Args:
        answers: for each question of the model, its ranked candidates, best first.
        tokens: visual token ids in this stretch.
        percentile: see `Segment`.
        thumbnail: uint8 `(height, width, 3)` picture from the middle of the stretch; None from saved tokens.
    """

    start_s: float
    end_s: float
    answers: dict[str, tuple[Candidate, ...]]
    tokens: tuple[int, ...]
    percentile: float
    padded_frames: int = 0
    thumbnail: npt.NDArray[np.uint8] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Still:
    """One frame of a video: uint8 `(height, width, 3)` picture, as the backbone saw it, and its presentation time."""

    time_s: float
    picture: npt.NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of `run`: everything the model can say about a video.

    Args:
        source: file name, or a word for other kinds of source.
        duration_s: length of video covered.
        video: properties of the stream (codec, width, height, …); empty from saved tokens.
        percentile: median over the clips of the video of what `Segment` says of each.
        out_of_domain: True when that is above the model's `out_of_domain_percentile`: the answers mean little.
        timings_s: seconds spent in each stage: decode, backbone, assign, encode, total.
        stills: at most 48 frames from all over the video, in order; none from saved tokens. Not in JSON.
    """

    source: str
    duration_s: float
    video: dict[str, Any]
    segments: tuple[ReportSegment, ...]
    percentile: float
    out_of_domain: bool
    timings_s: dict[str, float]
    origin: Origin
    stills: tuple[Still, ...] = field(default=(), repr=False)


_PICTURES = ("thumbnail", "stills")


def to_json(value: Any) -> Any:
    """Plain JSON values of a result: dataclasses become objects, arrays lists, paths text, pictures are left out.

    A field that holds a fraction becomes a number, and beside it `…_exact`, the fraction as text. Numbers that are not
    finite stay what they are.

    Raises:
        UsageError: it holds something that JSON has no form for, or is nested too deep.
    """
    try:
        return _plain(value)
    except RecursionError as error:
        raise UsageError(
            "this is nested too deep for JSON", seen=described(value), fix="Pass what a verb of `Runtime` returned."
        ) from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in _PICTURES]
        exact = {f"{name}_exact": str(v) for name in names if isinstance(v := getattr(value, name), Fraction)}
        return {name: _plain(getattr(value, name)) for name in names} | exact
    if value is None or isinstance(value, (str, bool, int, float)):
        # numpy's float64 and texts are kinds of float and str.
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if value.dtype.kind == "f" else value.item()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, PurePath):
        return str(value)
    raise UsageError(
        "JSON has no form for this",
        seen=described(value),
        allowed="results, numbers, texts, lists, dicts and arrays of them",
        fix="Pass what a verb of `Runtime` returned.",
    )
