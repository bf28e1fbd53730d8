"""Sentences of several questions that are asked about the same windows are encoded together.

An encoder's call costs the more for what does not depend on its rows, the smaller the model is, a call of another
length than the one before costs an engine as much again, and the first of a length code and memory. Which of them share
a call is the family's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from videobert.pipeline.questions import Asked, Probe

# See `LabelScorer.key`, for each window.
Key = tuple[bytes | None, ...]
Found = npt.NDArray[np.float64]

# Of one window: how many log-probabilities are held of what is encoded together.
_MOST_NUMBERS = 1 << 13


class EncodedTogether:
    """What the encoder said of some sentences, for as long as one request takes.

    Groups of windows are kept whole: were some of a batch left out, the rest would be encoded in another one.

    Args:
        asking: templates whose sentences are encoded in one go; each asks once about the same windows.

    Attributes:
        probes: the sentences, each once.
        words: the ids whose log-probabilities are wanted in any of them, rising.
    """

    _MOST_GROUPS = 256

    def __init__(self, asking: Sequence[Asked]) -> None:
        self.probes = tuple(dict.fromkeys(probe for asked in asking for probe in asked.probes))
        self.words = tuple(sorted({word for asked in asking for word in asked.words}))
        self._row = {probe: row for row, probe in enumerate(self.probes)}
        self._column = {word: column for column, word in enumerate(self.words)}
        self._askers = len(asking)
        # With how many templates are yet to ask.
        self._groups: dict[Key, tuple[Found, int]] = {}

    def known(self, key: Key) -> Found | None:
        """What `keep` was given for the same windows; forgotten once every template has asked."""
        found, askers = self._groups.pop(key, (None, 0))
        if found is not None and askers > 1:
            self._groups[key] = found, askers - 1
        return found

    def keep(self, key: Key, found: Found) -> Found:
        """Keep what was found, `(windows, probes, words)`, for the other templates, and give it back."""
        if self._askers > 1:
            if len(self._groups) == self._MOST_GROUPS:
                self._groups.pop(next(iter(self._groups)))
            self._groups[key] = found, self._askers - 1
        return found

    def part(self, found: Found, asked: Asked) -> Found:
        """Of what was found what one of the templates asks for, `(windows, its probes, its words)`."""
        rows = [self._row[probe] for probe in asked.probes]
        return found[:, rows][..., [self._column[word] for word in asked.words]]


def encoded_together(asking: Iterable[Asked]) -> dict[tuple[Probe, ...], EncodedTogether]:
    """For the sentences of each template those that they are encoded with, as far as little is held for it.

    A template whose labels have several pieces has many sentences; it goes with others where they are few enough.
    """
    found: dict[tuple[Probe, ...], EncodedTogether] = {}
    for group in _within_bounds(asking):
        found |= dict.fromkeys((asked.probes for asked in group), EncodedTogether(group))
    return found


def _within_bounds(asking: Iterable[Asked]) -> Iterator[list[Asked]]:
    """Templates in groups that hold few numbers, those of the same sentences in one."""
    same: dict[tuple[Probe, ...], list[Asked]] = {}
    for asked in asking:
        same.setdefault(asked.probes, []).append(asked)
    group: list[Asked] = []
    probes, words = set[Probe](), set[int]()
    for sentences, several in same.items():
        more = {word for asked in several for word in asked.words}
        if group and len(probes.union(sentences)) * len(words | more) > _MOST_NUMBERS:
            yield group
            group, probes, words = [], set(), set()
        group.extend(several)
        probes, words = probes.union(sentences), words | more
    if group:
        yield group
