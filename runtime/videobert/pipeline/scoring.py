"""How labels are scored, whatever scores them: the door between the tasks and the kinds of questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from videobert.results.candidate import Candidate


class Scored(NamedTuple):
    """Scores of some stretches.

    Args:
        log_scores: float64 `(stretches, labels)`, log-probabilities.
        sure: bool `(stretches,)`; where it is False the model leaves the answer open.
    """

    log_scores: npt.NDArray[np.float64]
    sure: npt.NDArray[np.bool_]


class ScoredStretch(Protocol):
    """Neighbouring clips of a video and all that was seen of them; see `Window`."""

    @property
    def ids(self) -> npt.NDArray[np.int32]: ...

    @property
    def features(self) -> npt.NDArray[np.float32] | None: ...

    @property
    def scores(self) -> npt.NDArray[np.float32] | None: ...

    @property
    def sure(self) -> npt.NDArray[np.bool_] | None: ...

    @property
    def pictures(self) -> Mapping[str, npt.NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Clips:
    """Some clips and what was seen of them, without their times; see `Window`."""

    ids: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32] | None = None
    scores: npt.NDArray[np.float32] | None = None
    sure: npt.NDArray[np.bool_] | None = None
    pictures: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


def joined(parts: Sequence[Clips]) -> Clips:
    """Neighbouring clips as one stretch; what is not known of all of them is not known of it."""
    if len(parts) == 1:
        return parts[0]

    def column(name: str) -> npt.NDArray[Any] | None:
        rows = [getattr(part, name) for part in parts]
        return None if any(row is None for row in rows) else np.concatenate(rows)

    known = set.intersection(*(set(part.pictures) for part in parts))
    return Clips(
        ids=np.concatenate([part.ids for part in parts]),
        features=column("features"),
        scores=column("scores"),
        sure=column("sure"),
        pictures={name: np.concatenate([part.pictures[name] for part in parts]) for name in sorted(known)},
    )


class Scorer(Protocol):
    """Scores of some labels.

    Attributes:
        labels: what is chosen from.
        templates: sentences that they stand in; empty where no templates are used.
        unknown_words: words of the templates that the model does not know.
        longest: word pieces that stand beside the clips, at most.
    """

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def templates(self) -> tuple[str, ...]: ...

    @property
    def unknown_words(self) -> tuple[str, ...]: ...

    @property
    def longest(self) -> int: ...

    def score(self, stretches: Sequence[ScoredStretch], cancel: Event | None = None) -> Scored:
        """Log-probabilities of the labels for each stretch."""
        ...

    def candidates(self, scores: npt.NDArray[np.float64], top: int) -> tuple[Candidate, ...]:
        """Ranked labels of one row of log-scores."""
        ...
