"""What was said of the clips of a stretch, kept for evidence, in memory that does not grow with its length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from videobert.pipeline.evidence import evidence
from videobert.pipeline.watched import ClipTimes
from videobert.results.evidence import MOST_EVIDENCE, Evidence

Row = npt.NDArray[np.float64]


class KeptAnswers:
    """The probabilities of a stretch's clips, each judged by itself: whose mean is the stretch's answer.

    Of a long stretch the sums of neighbouring clips are kept, so that there are at most 64.
    """

    def __init__(self) -> None:
        self._times: list[tuple[float, float]] = []
        self._counts: list[int] = []
        self._sums: list[dict[str, Row]] = []
        # Clips that share a place; the last place may have fewer.
        self._each = 1

    def add(self, start_s: float, end_s: float, probabilities: Mapping[str, Row]) -> None:
        """The next clip, with the probabilities of the labels of each question, float64 `(labels,)`."""
        if self._counts and self._counts[-1] < self._each:
            self._times[-1] = self._times[-1][0], end_s
            self._counts[-1] += 1
            self._sums[-1] = _added(self._sums[-1], probabilities)
            return
        if len(self._times) == 2 * MOST_EVIDENCE:
            self._halve()
            self.add(start_s, end_s, probabilities)
            return
        self._times.append((start_s, end_s))
        self._counts.append(1)
        self._sums.append(dict(probabilities))

    def evidence(self, name: str, label: int, start_s: float, end_s: float) -> tuple[Evidence, ...]:
        """What each clip adds to the mean probability of a label.

        Args:
            name: of the question.
            start_s, end_s: bounds of the stretch, which its clips may reach over.
        """
        values, counts = np.array([row[name][label] for row in self._sums]), np.array(self._counts)

        def score(stretches: Sequence[Sequence[int]]) -> Row:
            return np.array([values[list(each)].sum() / counts[list(each)].sum() for each in stretches])

        starts, ends = np.array(self._times).T
        times = ClipTimes(start_s=np.clip(starts, start_s, end_s), end_s=np.clip(ends, start_s, end_s), padded_frames=0)
        labels = len(self._sums[0][name])
        return evidence(times, range(len(values)), score, without_any=1 / labels)

    def _halve(self) -> None:
        pairs = range(0, len(self._times), 2)
        self._sums = [_added(self._sums[at], self._sums[at + 1]) for at in pairs]
        self._times = [(self._times[at][0], self._times[at + 1][1]) for at in pairs]
        self._counts = [self._counts[at] + self._counts[at + 1] for at in pairs]
        self._each *= 2


def _added(one: Mapping[str, Row], other: Mapping[str, Row]) -> dict[str, Row]:
    return {name: row + other[name] for name, row in one.items()}
