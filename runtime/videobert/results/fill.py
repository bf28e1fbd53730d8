"""What `fill` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from videobert.results.candidate import Candidate
from videobert.results.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """Ranked answers for one masked position.

    Args:
        kind: `"word"` or `"visual"`.
        index: which `[MASK]` of the text (0 is the first), or which visual position.
        candidates: best first; of a visual position the visual tokens, or in a model without the film's own clips,
            their times as text and their numbers as ids.
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
