"""What `align` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from videobert.results.as_json import LEFT_OUT_IF_EMPTY, LEFT_OUT_IF_NONE
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class AlignedWindow:
    """How well a text fits one window of the video.

    Args:
        score: the probability that they belong together, or a number from 0 to 1 that rises with `similarity`.
        similarity: see `Alignment`.
        evidence: the clips of the window and what each adds to `similarity`, or where there is none to `score`; if
            asked for.
    """

    start_s: float
    end_s: float
    score: float
    similarity: float | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """The result of `align`.

    Args:
        score: probability that text and video belong together: the mean of the windows' log-odds, squashed. Of a model
            that gives a `similarity` it is no probability: nobody fitted it to one.
        windows: the score of each window; one window if the video fits the model's context.
        percentile, out_of_domain: see `Report`.
        unknown_words: see `Fill`.
        similarity: of a model that compares, see `Compares`, how well text and video agree: the mean over the windows.
            It orders texts for a video and videos for a text; None of a model that gives probabilities, and then
            left out of JSON.
    """

    text: str
    score: float
    windows: tuple[AlignedWindow, ...]
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    unknown_words: tuple[str, ...] = ()
    similarity: float | None = field(default=None, metadata=LEFT_OUT_IF_NONE)

    @property
    def calibrated(self) -> bool:
        """Whether `score` is a probability."""
        return self.similarity is None
