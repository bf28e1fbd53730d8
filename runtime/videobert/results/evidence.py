"""What an answer rests on, as verbs give it on request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Of a longer stretch neighbouring clips are one piece of evidence.
MOST_EVIDENCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A clip, or of a stretch of more than 32 some neighbouring ones, and what the score loses without it.

    It is found by leaving the clip out and scoring the rest (occlusion). So the video is read once, and for each
    answer the model is asked for up to 33 scores more: in `answer`, `locate`, `edit`, `align`, `classify`, `sentiment`,
    `forecast`, `search`, and `caption` by a decoder; of `summarize` only with a text. In `events`, `run`, `stream`
    and `caption` by labels the score is a mean over clips that were judged one by one, and nothing is asked anew.

    Args:
        start_s, end_s: of the clip, in seconds of presentation time.
        drop: by how much the answer's score falls when the clip is hidden, on the scale of that score. Below 0 where
            it speaks against the answer; near 0 where others say the same. Of a clip that stands alone it is what the
            score has above that of an answer about which nothing is known.
    """

    start_s: float
    end_s: float
    drop: float


def weightiest(clips: Sequence[Evidence]) -> Evidence:
    """The clip without which the score loses most; of one at least."""
    return max(clips, key=lambda clip: clip.drop)
