"""Answers to the model's questions, clip by clip, as clips come; those of some are found while the next ones come."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.spans import span
from videobert.pipeline.classifier_scorer import ClassifierScorer, answers_tokens
from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.one_behind import OneBehind
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.scoring import Clips, Scored, Scorer, joined

Row = npt.NDArray[np.float64]
# Of tokens that come back, as they do in a film, the answers are kept: a megabyte or two for a model.
_REMEMBERED = 4096


class Answered(NamedTuple):
    """A clip's log-scores, float64 `(labels,)` for each question, and the questions that the model leaves open."""

    scores: dict[str, Row]
    unsure: frozenset[str]


class Scorers(NamedTuple):
    """What scores the questions of a model.

    Args:
        by_templates: those that the joint encoder answers.
        by_classifiers: those that a network of the model answers.
    """

    by_templates: dict[str, LabelScorer]
    by_classifiers: dict[str, ClassifierScorer]

    @classmethod
    def of_model(cls, opened: OpenedModel, *, tokens_only: bool) -> Scorers:
        """Those of all questions of a model.

        Args:
            tokens_only: leave out what saved tokens do not answer.
        """
        names = [name for name in opened.config.questions if not tokens_only or answers_tokens(opened, name)]
        by_templates = LabelScorer.of_model(opened)
        return cls(by_templates, {name: ClassifierScorer(opened, name) for name in names if name not in by_templates})

    def all(self, opened: OpenedModel) -> dict[str, Scorer]:
        """All of them in the order of the model's questions."""
        scorers: dict[str, Scorer] = {**self.by_templates, **self.by_classifiers}
        return {name: scorers[name] for name in opened.config.questions if name in scorers}


class Answering:
    """Scores clips in groups, each with its neighbours.

    How clips are grouped depends on what was given, never on when it came: an engine may round a sequence differently
    beside others. So does which of them are given back by which call.

    Args:
        scorers: of each question.
        context_clips: neighbours on either side that a clip is judged with.
        group: clips to one group; None waits for all.
        beside: score a group on a thread of its own while the clips of the next one come; it is given back with them.

    Attributes:
        busy_s: seconds of scoring.
    """

    def __init__(
        self, opened: OpenedModel, scorers: Scorers, context_clips: int, group: int | None, *, beside: bool
    ) -> None:
        self._scorers = scorers
        self._order = list(scorers.all(opened))
        self._reach = {
            name: min(context_clips, (opened.family.room(scorer.longest) - 1) // 2)
            for name, scorer in scorers.all(opened).items()
        }
        for reach in set(self._reach.values()):
            # These are asked about the same windows.
            LabelScorer.ask_together([s for name, s in scorers.by_templates.items() if self._reach[name] == reach])
        self._farthest = max(self._reach.values(), default=0)
        self._group = group
        self._remembered = {name: _Remembered(scorer) for name, scorer in scorers.by_templates.items()}
        self._beside: OneBehind[Answered] = OneBehind("videobert-answers" if beside else None)
        self.busy_s = 0.0
        # Clips from `_first` on: those that wait for their answer and the neighbours before them.
        self._clips: list[Clips] = []
        self._first = self._next = 0

    def close(self) -> None:
        """Wait for what is being scored."""
        self._beside.close()

    def add(self, clip: Clips, cancel: Event | None) -> list[Answered]:
        """The answers that this clip makes possible, of those that wait, in order."""
        self._clips.append(clip)
        ready = self._first + len(self._clips) - self._farthest - self._next
        if self._group is None or ready < self._group:
            return []
        return self._beside.next(self._scoring(ready, cancel))

    def finish(self, cancel: Event | None) -> list[Answered]:
        """The answers of all clips that wait: no neighbour comes any more."""
        return self._beside.last(self._scoring(self._first + len(self._clips) - self._next, cancel))

    def _scoring(self, count: int, cancel: Event | None) -> Callable[[], list[Answered]]:
        """What finds the next answers; the clips that only they needed are gone."""
        places = range(self._next - self._first, self._next - self._first + count)
        windows = {reach: self._windows(reach, places) for reach in set(self._reach.values())}
        self._next += count
        passed = max(0, self._next - self._farthest - self._first)
        del self._clips[:passed]
        self._first += passed
        return partial(self._answers, count, windows, cancel)

    def _windows(self, reach: int, places: range) -> list[Clips]:
        return [joined(self._clips[max(0, place - reach) : place + reach + 1]) for place in places]

    def _answers(self, count: int, windows: Mapping[int, list[Clips]], cancel: Event | None) -> list[Answered]:
        began = time.perf_counter()
        with span("score"):
            asked = self._order if count else []
            columns = {name: self._scored(name, windows[self._reach[name]], cancel) for name in asked}
        self.busy_s += time.perf_counter() - began
        return [
            Answered(
                {name: scored.log_scores[row] for name, scored in columns.items()},
                frozenset(name for name, scored in columns.items() if not scored.sure[row]),
            )
            for row in range(count)
        ]

    def _scored(self, name: str, windows: list[Clips], cancel: Event | None) -> Scored:
        if name in self._remembered:
            rows = self._remembered[name].scores(windows, cancel)
            return Scored(np.stack(rows), np.ones(len(rows), np.bool_))
        return self._scorers.by_classifiers[name].score(windows, cancel)


class _Remembered:
    """The scores of windows, each distinct one scored once; those not seen for longest are forgotten."""

    def __init__(self, scorer: LabelScorer) -> None:
        self._scorer = scorer
        self._known: OrderedDict[bytes, Row] = OrderedDict()

    def scores(self, windows: Sequence[Clips], cancel: Event | None) -> list[Row]:
        keys = [self._scorer.key(window) for window in windows]
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
