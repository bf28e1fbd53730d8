"""How well a head answers about videos that it did not learn from, and how strongly to hold its weights back.

Folds are stratified by label and grouped by video: stretches of one film never stand on both sides.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from videobert.families.log_softmax import log_softmax
from videobert_modeling.learn.features.gather import Example
from videobert_modeling.learn.head.linear_head import HeadFitter, Rows

# Inverse penalties, the strongest first.
STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
# Where nothing can be held out to choose by.
USUAL_STRENGTH = 0.1
_MOST_FOLDS = 5
_LEAST_PROBABILITY = 1e-12
# With more examples than this, choosing among a few strengths on the folds that are reported flatters by next to
# nothing, and choosing inside each fold would take long.
_MOST_NESTED = 400

Targets = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The examples of one question.

    Args:
        targets: int64 `(n,)`, the right label of each.
        labels: how many labels there are.
    """

    examples: tuple[Example, ...]
    targets: Targets
    labels: int

    def __len__(self) -> int:
        return len(self.examples)

    def part(self, chosen: npt.NDArray[np.int64]) -> Labelled:
        """Some of them."""
        return Labelled(
            examples=tuple(self.examples[i] for i in chosen), targets=self.targets[chosen], labels=self.labels
        )

    @property
    def videos(self) -> Targets:
        """The number of each example's video, from 0 as they come."""
        numbers: dict[str, int] = {}
        return np.array([numbers.setdefault(example.video, len(numbers)) for example in self.examples], np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What heads said about examples of videos that they did not learn from.

    Args:
        measured: int64 `(m,)`, numbers of the examples that could be held out.
        clips: of each, the logits of its clips, `(n, labels)`.
        strengths: what was chosen in each fold.
        nested: whether each fold chose for itself, from what it learned from alone.
    """

    measured: Targets
    clips: tuple[Rows, ...]
    strengths: tuple[float, ...]
    nested: bool

    @property
    def probabilities(self) -> Rows:
        """`(m, labels)`, one row for each that was measured."""
        return probabilities_of(self.clips) if self.clips else np.zeros((0, 0))


def fitter_of(labelled: Labelled) -> HeadFitter:
    """What fits heads that learn from all of them; each stretch is one row, the mean of its clips.

    Clips as rows of their own give heads that are no better, measured on `shapes` with five examples a label and with
    all.
    """
    rows = np.stack([example.clips.mean(axis=0, dtype=np.float64) for example in labelled.examples])
    return HeadFitter(rows, labelled.targets, labelled.labels)


def choose_strength(labelled: Labelled) -> float:
    """The inverse penalty with the least mean log-loss on held-out videos; the stronger penalty where two are alike."""
    losses: list[list[float]] = [[] for _ in STRENGTHS]
    for part, held in _folds(labelled):
        fitter = fitter_of(part)
        for of_strength, strength in zip(losses, STRENGTHS, strict=True):
            head = fitter.fit(strength)
            found = probabilities_of([head.logits(labelled.examples[i].clips) for i in held])
            right = found[np.arange(len(held)), labelled.targets[held]]
            of_strength.extend(-np.log(np.maximum(right, _LEAST_PROBABILITY)))
    return STRENGTHS[int(np.argmin([np.mean(each) for each in losses]))] if losses[0] else USUAL_STRENGTH


def probabilities_of(clips: Sequence[Rows]) -> Rows:
    """Probabilities of stretches `(n, labels)` from the logits of their clips: the mean of theirs, as in `classify`."""
    return np.stack([np.exp(log_softmax(each)).mean(axis=0, dtype=np.float64) for each in clips])


def hold_out(labelled: Labelled) -> HeldOut:
    """Answers about every example that can be held out, by heads that did not see its video."""
    nested = len(labelled) <= _MOST_NESTED
    same = None if nested else choose_strength(labelled)
    strengths: list[float] = []
    found: dict[int, Rows] = {}
    for part, held in _folds(labelled):
        strengths.append(choose_strength(part) if same is None else same)
        head = fitter_of(part).fit(strengths[-1])
        found.update({int(i): head.logits(labelled.examples[i].clips) for i in held})
    numbers = sorted(found)
    return HeldOut(
        measured=np.array(numbers, np.int64),
        clips=tuple(found[number] for number in numbers),
        strengths=tuple(strengths),
        nested=nested,
    )


def _folds(labelled: Labelled) -> Iterator[tuple[Labelled, Targets]]:
    """What is learned from, and the numbers of what is held out, in each of up to five folds; none with one video."""
    from sklearn.model_selection import StratifiedGroupKFold

    videos = labelled.videos
    # No more folds than examples of the commonest label.
    count = min(_MOST_FOLDS, len(set(videos)), int(np.bincount(labelled.targets).max()))
    if count < 2:
        return
    with warnings.catch_warnings():
        # A label with fewer examples than folds is no news here.
        warnings.simplefilter("ignore", UserWarning)
        folds = list(StratifiedGroupKFold(count).split(np.zeros(len(labelled)), labelled.targets, videos))
    for learned, held in folds:
        # A label whose videos are all held out was not learned: that says nothing of how well it can be.
        known = set(labelled.targets[learned].tolist())
        measured = np.array([i for i in held if labelled.targets[i] in known], np.int64)
        if len(measured) and len(known) > 1:
            yield labelled.part(learned), measured
