"""The beam search of one window."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

import numpy as np
import numpy.typing as npt

from videobert.pipeline.generate.likeliest import likeliest
from videobert.pipeline.generate.options import Search
from videobert.pipeline.generate.repeats import repeats
from videobert.pipeline.generate.sentences import Ended, Growing, Sentence


class Window:
    """One window's sentences: what each row of the decoder is given next, and what becomes of its answer.

    The rule is that of beam search in transformers 4.50 and later with `early_stopping=False`:

    1. The window begins with one sentence, the prefix, whose words the decoder is given one by one.
    2. Every sentence is followed by every allowed word, and its score grows by the word's log-probability. What is not
       allowed has none; the others' are not raised for it.
    3. Of the `2 * beams` best of these, those that end and are among the `beams` best have ended; of the rest that do
       not end the `beams` best go on. Equal ones are ordered by the sentence they follow, and then by lower id.
    4. Of those that have ended the `beams` best by score over length to the power of the length penalty are kept; the
       length counts the end, and no prefix.
    5. The window is done when it has `beams` of them, and the best that goes on, at its length now, would not be among
       them; at once with `stop_early`; or when nothing goes on.
    6. What reaches the longest length ends there: with its end, which costs nothing, or cut.

    Args:
        search: what is asked.
        prefix: what every sentence begins with, one word or more.
        end: the word that ends a sentence.
        barred: words that never stand in one.
    """

    def __init__(self, search: Search, prefix: Sequence[int], end: int, barred: Collection[int]) -> None:
        self._search, self._prefix, self._end = search, tuple(prefix), end
        self._barred = np.array(sorted(set(barred) - {end}), np.int64)
        self._given = 0
        self._growing = [Growing((), 0.0)]
        self._ended = Ended(search.beams, search.length_penalty)
        self._length = 0
        self.done = False
        self._close_at_the_limit()

    @property
    def rows(self) -> int:
        """Rows of the decoder that it takes now."""
        return 0 if self.done else len(self._growing)

    @property
    def sentences(self) -> tuple[Sentence, ...]:
        """Those that have ended, best first."""
        return tuple(self._ended.kept)

    @property
    def certain(self) -> tuple[int, ...]:
        """How the best sentence begins, whatever is to come: what all have in common that could still be it."""
        if self.done:
            return self._ended.kept[0].ids if self._ended.kept else ()
        possible = [each.ids for each in self._growing] + [each.ids for each in self._ended.kept]
        alike = takewhile(lambda words: len(set(words)) == 1, zip(*possible, strict=False))
        return tuple(words[0] for words in alike)

    def next_words(self) -> list[int]:
        """What the decoder is given for each row."""
        if self._given < len(self._prefix):
            return [self._prefix[self._given]]
        return [each.ids[-1] for each in self._growing]

    def advance(self, logits: npt.NDArray[np.float32], log_sums: npt.NDArray[np.float64]) -> list[int]:
        """Take the decoder's answer, and say which of the rows each row that goes on stems from.

        Args:
            logits: `(rows, words)`; changed in place.
            log_sums: see `likeliest.log_sums`.
        """
        self._given += 1
        if self._given < len(self._prefix):
            return [0]
        self._length += 1
        going: list[tuple[int, Growing]] = []
        for rank, (score, row, word) in enumerate(self._candidates(logits, log_sums)):
            ids = self._growing[row].ids
            if word != self._end:
                going.append((row, Growing((*ids, word), score)))
            elif rank < self._search.beams:
                self._ended.add(ids, score, self._length, ended=True)
        going = going[: self._search.beams]
        if not going and not self._ended.kept:
            # No word is allowed: what there is stays as it is.
            self._end_all(max(1, self._length - 1), ended=False)
        self._growing = [each for _, each in going]
        self._settle()
        return [] if self.done else [row for row, _ in going]

    def _candidates(
        self, logits: npt.NDArray[np.float32], log_sums: npt.NDArray[np.float64]
    ) -> list[tuple[float, int, int]]:
        """Score, sentence and word of the `2 * beams` best, best first."""
        count = 2 * self._search.beams
        logits[:, self._barred] = -np.inf
        if self._length <= self._search.least:
            logits[:, self._end] = -np.inf
        found: list[tuple[float, int, int]] = []
        for row, each in enumerate(self._growing):
            again = repeats((*self._prefix, *each.ids), self._search.no_repeat)
            logits[row, list(again)] = -np.inf
            words = likeliest(logits[row], count)
            scores = each.score + (logits[row, words].astype(np.float64) - log_sums[row])
            found += [(float(score), row, int(word)) for score, word in zip(scores, words, strict=True)]
        found.sort(key=lambda candidate: (-candidate[0], *candidate[1:]))
        return found[:count]

    def _settle(self) -> None:
        if not self._growing:
            self.done = True
        elif len(self._ended.kept) == self._search.beams:
            # The best that goes on stands first.
            self.done = self._search.stop_early or self._ended.beats(self._growing[0].score, self._length)
        if not self.done:
            self._close_at_the_limit()

    def _close_at_the_limit(self) -> None:
        ends_now = self._search.force_end and self._length + 1 == self._search.most
        if not ends_now and self._length < self._search.most:
            return
        self._end_all(self._search.most, ended=ends_now)
        self.done = True

    def _end_all(self, length: int, *, ended: bool) -> None:
        for each in self._growing:
            self._ended.add(each.ids, each.score, length, ended=ended)
