"""What `classify` returns."""

from __future__ import annotations

from dataclasses import dataclass, field

from videobert.results.as_json import LEFT_OUT_IF_EMPTY
from videobert.results.candidate import Candidate
from videobert.results.evidence import Evidence
from videobert.results.origin import Origin

# What is chosen where no label fits, by models that judge each label for itself.
NONE_OF_THESE = "none of these"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of time with ranked answers.

    Args:
        start_s, end_s: bounds in seconds of presentation time.
        candidates: best first.
        percentile: out-of-domain signal, 0 to 100: the median over the segment's clips of where each clip's distance
            to its centroid lies among the codebook's training distances; None where distances mean nothing.
        padded_frames: frames of the last clip that repeat the video's last frame.
        unsure: the model leaves the answer open: what it sees is unlike anything that it knows.
        evidence: the clips of the stretch and what each adds to the best answer's score, if asked for.
    """

    start_s: float
    end_s: float
    candidates: tuple[Candidate, ...]
    percentile: float | None
    padded_frames: int = 0
    unsure: bool = False
    evidence: tuple[Evidence, ...] = field(default=(), metadata=LEFT_OUT_IF_EMPTY)

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
    percentile: float | None
    out_of_domain: bool
    origin: Origin
    unknown_words: tuple[str, ...] = ()
