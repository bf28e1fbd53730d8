"""Which words would repeat what a sentence has said."""

from __future__ import annotations

from collections.abc import Sequence


def repeats(words: Sequence[int], size: int) -> set[int]:
    """The words after which the last `size` words of a sentence would have stood in it before; none if `size` is 0."""
    if size == 0 or len(words) < size:
        return set()
    begun = tuple(words[len(words) - size + 1 :])
    starts = range(len(words) - size + 1)
    return {words[start + size - 1] for start in starts if tuple(words[start : start + size - 1]) == begun}
