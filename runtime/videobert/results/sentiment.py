"""What `sentiment` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_NONE
from videobert.results.candidate import Candidate
from videobert.results.classify import Segment
from videobert.results.origin import Origin

TextMethod = Literal["named", "cloze", "meaning"]
# As `QuestionConfig.answered_by`.
AnsweredBy = Literal["templates", "features", "pictures", "groups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSentiment:
    """What the words of a text suggest, apart from any video. Nobody fitted it to what people feel.

    Args:
        candidates: labels, best first; their scores order them and are no probabilities of anything.
        method: `"named"`: the text holds the label itself; where it holds none, `"cloze"`: the label that the model
            would write behind the text; or `"meaning"`: the label whose sentence lies nearest to it.
        unknown_words: see `Fill`.
    """

    text: str
    candidates: tuple[Candidate, ...]
    method: TextMethod
    unknown_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """The result of `sentiment`.

    Args:
        question: of the model, whose labels these are; None where only a text was judged.
        answered_by: what answers it, see `QuestionConfig`; None where only a text was judged.
        candidates: of the whole video, best first: the mean over its segments, weighted by their lengths; those that
            the model is unsure of do not count, unless it is unsure of all.
        segments: one per window of the video, in time order.
        unsure: the model leaves the whole video open.
        percentile, out_of_domain: see `Report`; None without a video.
        text: of the text, apart from the video's; None where none was given.
        video_unknown: why a video that was given has no sentiment here: the model has no such question. The video was
            not read then. None, and left out of JSON, if not.
    """

    question: str | None
    answered_by: AnsweredBy | None
    candidates: tuple[Candidate, ...]
    segments: tuple[Segment, ...]
    unsure: bool
    percentile: float | None
    out_of_domain: bool | None
    origin: Origin
    text: TextSentiment | None = None
    video_unknown: str | None = field(default=None, metadata=LEFT_OUT_IF_NONE)

    @property
    def unknown_words(self) -> tuple[str, ...]:
        """Those of the text."""
        return () if self.text is None else self.text.unknown_words
