"""Sentences of a search: those that grow, and those that have ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Growing:
    """A sentence that goes on.

    Args:
        ids: what it has beyond the prefix.
        score: sum of their log-probabilities.
    """

    ids: tuple[int, ...]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence that was found.

    Args:
        ids: its words, without the prefix and without the one that ends it.
        score: sum of the log-probabilities of its words and of its end; of what was forced, zero.
        normalised: the score over the length to the power of the length penalty: what sentences are ranked by.
        ended: whether it has an end, and was not cut.
    """

    ids: tuple[int, ...]
    score: float
    normalised: float
    ended: bool


class Ended:
    """The best sentences of a window that have ended, best first; of equal ones the first to come.

    Args:
        most: how many are kept.
        length_penalty: see `Search`.
    """

    def __init__(self, most: int, length_penalty: float) -> None:
        self._most, self._penalty = most, length_penalty
        self.kept: list[Sentence] = []

    def add(self, ids: tuple[int, ...], score: float, length: int, *, ended: bool) -> None:
        """Offer one; it is kept if it is among the best."""
        new = Sentence(ids=ids, score=score, normalised=self.normalised(score, length), ended=ended)
        self.kept.append(new)
        # The sort keeps equal ones in their order.
        self.kept.sort(key=lambda each: -each.normalised)
        del self.kept[self._most :]

    def beats(self, score: float, length: int) -> bool:
        """Whether there are as many as are kept, and a growing sentence of this score would not be among them."""
        return len(self.kept) == self._most and self.kept[-1].normalised >= self.normalised(score, length)

    def normalised(self, score: float, length: int) -> float:
        """What sentences are ranked by."""
        return float(score / length**self._penalty)
