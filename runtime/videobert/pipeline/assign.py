"""Features to visual tokens, some at a time, so that not all features need be kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Seconds
from videobert.visual.codebook import Assignment
from videobert.visual.grid import in_half_points

# A search for many features at once costs little more than one for a single feature.
BLOCK = 64


class Assigned(NamedTuple):
    """A token, and what is known of it; see `TokenFound`."""

    id: int
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
    """

    def __init__(self, opened: OpenedModel, method: Assignment, block: int, seconds: Seconds) -> None:
        self._opened, self._method, self._block, self._seconds = opened, method, block, seconds
        self._waiting: list[npt.NDArray[np.float32]] = []

    def add(self, feature: npt.NDArray[np.float32]) -> Iterator[Assigned]:
        """The tokens of this feature and those that waited, in order, if they are enough."""
        self._waiting.append(feature)
        if len(self._waiting) >= self._block:
            yield from self.finish()

    def finish(self) -> Iterator[Assigned]:
        """The tokens of all features that wait."""
        if not self._waiting:
            return
        began = time.perf_counter()
        features = np.stack(self._waiting)
        ids, distances = self._opened.assign(features, self._method)
        classifier = self._opened.token_classifier
        if classifier is None:
            columns: list[npt.NDArray[Any]] = [in_half_points(self._opened.codebook.percentile(distances))]
        else:
            said = classifier.judge(features)
            columns = [np.full(len(ids), None), said.probabilities[np.arange(len(ids)), ids], said.sure]
        self._waiting.clear()
        self._seconds["assign"] += time.perf_counter() - began
        rows = zip(ids.tolist(), *(column.tolist() for column in columns), strict=True)
        yield from (Assigned(*row) for row in rows)
