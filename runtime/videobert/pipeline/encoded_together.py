"""Sentences of several questions that are asked about the same windows: those of one length are encoded together.

An encoder's call costs the more for what does not depend on its rows, the smaller the model is, and a call of another
length than the one before costs an engine as much again. Sentences of one length need no padding beside each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from videobert.pipeline.questions import Asked, Probe

# See `LabelScorer.key`, for each window.
Key = tuple[bytes | None, ...]
Found = npt.NDArray[np.float64]


class EncodedTogether:
    """What the encoder said of some sentences, for as long as one request takes.

    Groups of windows are kept whole: were some of a batch left out, the rest would be encoded in another one.

    Args:
        asking: templates whose sentences are encoded in one go.

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
        self._groups: dict[Key, Found] = {}

    def known(self, key: Key) -> Found | None:
        """What `keep` was given for the same windows."""
        return self._groups.get(key)

    def keep(self, key: Key, found: Found) -> Found:
        """Keep what was found, `(windows, probes, words)`, and give it back."""
        if len(self._groups) == self._MOST_GROUPS:
            self._groups.pop(next(iter(self._groups)))
        self._groups[key] = found
        return found

    def part(self, found: Found, asked: Asked) -> Found:
        """Of what was found what one of the templates asks for, `(windows, its probes, its words)`."""
        rows = [self._row[probe] for probe in asked.probes]
        return found[:, rows][..., [self._column[word] for word in asked.words]]


def encoded_together(asking: Iterable[Asked]) -> dict[tuple[Probe, ...], EncodedTogether]:
    """For the sentences of each template those that they are encoded with.

    They are those of the same lengths: where every sentence of a template has one length, of all such templates of
    that length. Templates with labels of different lengths are encoded by themselves, once for all that ask the same.
    """
    groups: dict[object, list[Asked]] = {}
    for asked in asking:
        lengths = {len(probe.pieces) for probe in asked.probes}
        groups.setdefault(lengths.pop() if len(lengths) == 1 else asked.probes, []).append(asked)
    found: dict[tuple[Probe, ...], EncodedTogether] = {}
    for group in groups.values():
        found |= dict.fromkeys((asked.probes for asked in group), EncodedTogether(group))
    return found
