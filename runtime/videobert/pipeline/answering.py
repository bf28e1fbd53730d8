"""Answers to the model's questions, clip by clip, as tokens come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.opened import OpenedModel

Row = npt.NDArray[np.float64]
# Of tokens that come back, as they do in a film, the answers are kept: a megabyte or two for a model.
_REMEMBERED = 4096


class Answered(NamedTuple):
    """A clip's log-scores, float64 `(labels,)` for each question."""

    scores: dict[str, Row]

    @property
    def best(self) -> tuple[int, ...]:
        """The best label of each question."""
        return tuple(int(row.argmax()) for row in self.scores.values())


class Answering:
    """Scores clips in groups, each with its neighbours.

    How clips are grouped depends on what was given, never on when it came: an engine may round a sequence differently
    beside others.

    Args:
        scorers: of each question.
        context_clips: neighbours on either side that a clip is judged with.
        group: clips to one group; None waits for all.
    """

    def __init__(
        self, opened: OpenedModel, scorers: dict[str, LabelScorer], context_clips: int, group: int | None
    ) -> None:
        self._scorers = scorers
        self._reach = {
            name: min(context_clips, (opened.family.room(scorer.longest) - 1) // 2) for name, scorer in scorers.items()
        }
        self._farthest = max(self._reach.values(), default=0)
        self._group = group
        self._remembered = {name: _Remembered(scorer) for name, scorer in scorers.items()}
        # Tokens from `_first` on: those that wait for their answer and the neighbours before them.
        self._tokens: list[int] = []
        self._first = self._next = 0

    def add(self, token: int, cancel: Event | None) -> list[Answered]:
        """The answers that this token makes possible, of the clips that wait, in order."""
        self._tokens.append(token)
        ready = self._first + len(self._tokens) - self._farthest - self._next
        if self._group is None or ready < self._group:
            return []
        return self._answer(ready, cancel)

    def finish(self, cancel: Event | None) -> list[Answered]:
        """The answers of all clips that wait: no neighbour comes any more."""
        return self._answer(self._first + len(self._tokens) - self._next, cancel)

    def _answer(self, count: int, cancel: Event | None) -> list[Answered]:
        places = range(self._next - self._first, self._next - self._first + count)
        columns = {name: self._scores(name, places, cancel) for name in self._scorers}
        self._next += count
        passed = max(0, self._next - self._farthest - self._first)
        del self._tokens[:passed]
        self._first += passed
        return [Answered({name: rows[row] for name, rows in columns.items()}) for row in range(count)]

    def _scores(self, name: str, places: range, cancel: Event | None) -> list[Row]:
        reach = self._reach[name]
        windows = [np.array(self._tokens[max(0, place - reach) : place + reach + 1], np.int32) for place in places]
        return self._remembered[name].scores(windows, cancel)


class _Remembered:
    """The scores of windows, each distinct one scored once; those not seen for longest are forgotten."""

    def __init__(self, scorer: LabelScorer) -> None:
        self._scorer = scorer
        self._known: OrderedDict[bytes, Row] = OrderedDict()

    def scores(self, windows: Sequence[npt.NDArray[np.int32]], cancel: Event | None) -> list[Row]:
        keys = [window.tobytes() for window in windows]
        new = {key: window for key, window in zip(keys, windows, strict=True) if key not in self._known}
        if new:
            rows = self._scorer.scores(list(new.values()), cancel)
            # Copies: a view would keep the rows of its whole group alive.
            self._known.update((key, row.copy()) for key, row in zip(new, rows, strict=True))
        for key in keys:
            self._known.move_to_end(key)
        found = [self._known[key] for key in keys]
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found
