"""What an answer rests on, as verbs give it on request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A clip, and what the score loses without it.

    Args:
        start_s, end_s: of the clip, in seconds of presentation time.
        drop: by how much the answer's score falls when the clip is hidden, on the scale of that score. Below 0 where
            it speaks against the answer; near 0 where others say the same.
    """

    start_s: float
    end_s: float
    drop: float
