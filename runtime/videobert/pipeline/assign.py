"""Features to visual tokens, some at a time, so that not all features need be kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.spans import span
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Seconds
from videobert.pipeline.token_judge import JudgedToken, TokenJudge
from videobert.visual.codebook import Assignment
from videobert.visual.grid import in_half_points

# A search for some features at once costs little more than one for a single feature. Whoever reads on meanwhile waits
# for the last ones, so they are not many.
BLOCK = 8


class Assigned(NamedTuple):
    """A token, and what is known of it, or a clip that has none; see `TokenFound`."""

    id: int | None
    percentile: float | None = None
    score: float | None = None
    sure: bool | None = None


class Assigner:
    """Collects features until there are enough for a search. Which token a feature gets does not depend on that.

    Args:
        opened: the model.
        method: see `Codebook.assign`.
        block: features to one search; 1 finds each token at once.
        seconds: busy time of `assign` is added here.
        live: the source keeps its reader waiting: a token is judged before the next clip is asked for.
    """

    def __init__(
        self, opened: OpenedModel, method: Assignment, block: int, seconds: Seconds, *, live: bool = False
    ) -> None:
        self._opened, self._method, self._block, self._seconds = opened, method, block, seconds
        self._waiting: list[npt.NDArray[np.float32]] = []
        self._standing: int | None = None
        classifier = opened.token_classifier
        self._judge = None if classifier is None else TokenJudge(classifier, at_once=live)
        # Tokens that are found and not judged yet.
        self._ids: deque[int] = deque()

    def add(self, feature: npt.NDArray[np.float32], *, standing: bool = False) -> Iterator[Assigned]:
        """The tokens of this feature and those that waited, in order, if they are enough.

        Args:
            standing: the clip is for the most part one frame, repeated.
        """
        if not self._opened.has_tokens:
            yield Assigned(None)
            return
        if standing:
            self._standing = len(self._waiting)
        self._waiting.append(feature)
        if len(self._waiting) >= self._block:
            yield from self._find()

    def finish(self) -> Iterator[Assigned]:
        """The tokens of all features that wait: none comes behind them."""
        yield from self._find()
        if self._judge is not None:
            yield from self._judged(self._judge.finish())

    def _find(self) -> Iterator[Assigned]:
        if not self._waiting:
            return
        began = time.perf_counter()
        features = np.stack(self._waiting)
        with span("assign"):
            ids, distances = self._opened.assign(features, self._method)
        found: list[Assigned]
        if self._judge is None:
            percentiles = in_half_points(self._opened.codebook.percentile(distances))
            found = [Assigned(*row) for row in zip(ids.tolist(), percentiles.tolist(), strict=True)]
        else:
            self._ids.extend(ids.tolist())
            found = self._judged(self._judge.add(features, ids, self._standing))
        self._waiting.clear()
        self._standing = None
        self._seconds["assign"] += time.perf_counter() - began
        yield from found

    def _judged(self, tokens: Iterable[JudgedToken]) -> list[Assigned]:
        return [Assigned(self._ids.popleft(), None, token.score, token.sure) for token in tokens]
