"""What was learned of a question and how well it answers, as JSON values and for a person."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.head.cross_validation import HeldOut, Labelled
from videobert_modeling.metrics.proportion import proportion

_FEW = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The share of held-out examples that were answered rightly.

    Args:
        n: how many there were.
        low, high: Wilson's interval at 95 %. It takes stretches for independent; those of one video are less so.
    """

    value: float
    n: int
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1%} right [{self.low:.1%}, {self.high:.1%}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A held-out example that was answered wrongly.

    Args:
        score: probability of the answer.
    """

    stretch: Stretch
    label: str
    answer: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "video": self.stretch.name,
            "start_s": self.stretch.start_s,
            "end_s": self.stretch.end_s,
            "where": self.stretch.where,
            "label": self.label,
            "answer": self.answer,
            "score": round(self.score, 4),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedQuestion:
    """A question that was learned.

    Args:
        labels: sorted; rows of the head.
        examples, videos: of each label, in that order.
        strength: inverse penalty of the final head.
        strengths: those chosen in the folds.
        nested: see `HeldOut`.
        confusion: int64 `(labels, labels)`: held-out examples by right label and answer.
        wrong: those beside the diagonal, the surest first.
        threshold: below this energy the head is unsure; None if nothing could be held out.
    """

    name: str
    labels: tuple[str, ...]
    examples: tuple[int, ...]
    videos: tuple[int, ...]
    strength: float
    strengths: tuple[float, ...]
    nested: bool
    confusion: npt.NDArray[np.int64]
    wrong: tuple[Wrong, ...]
    threshold: float | None

    @property
    def measured(self) -> int:
        """How many examples were held out."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> Accuracy | None:
        """How well it answered; None if nothing was held out."""
        right = int(np.trace(self.confusion))
        if not self.measured:
            return None
        share: Any = proportion([True] * right + [False] * (self.measured - right))
        low, high = share["ci95"]
        return Accuracy(value=share["value"], n=share["n"], low=low, high=high)

    @property
    def commonest(self) -> float:
        """What always giving the commonest label would reach."""
        return max(self.examples) / sum(self.examples)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of these figures."""
        notes = []
        unmeasured = [label for label, row in zip(self.labels, self.confusion, strict=True) if not row.sum()]
        if unmeasured:
            notes.append(
                f"not measured: {', '.join(unmeasured)}: all examples come from one video, and none can be held out; "
                "add another video"
            )
        few = [label for label, count in zip(self.labels, self.examples, strict=True) if count < _FEW]
        if few:
            notes.append(f"fewer than {_FEW} examples: {', '.join(few)}")
        return tuple(notes)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        answered = self.confusion.sum(axis=0)
        classes = {
            label: {
                "examples": self.examples[i],
                "videos": self.videos[i],
                "held_out": int(self.confusion[i].sum()),
                "recall": _share(self.confusion[i, i], self.confusion[i].sum()),
                "precision": _share(self.confusion[i, i], answered[i]),
            }
            for i, label in enumerate(self.labels)
        }
        return {
            "labels": list(self.labels),
            "accuracy": None if self.accuracy is None else dataclasses.asdict(self.accuracy),
            "commonest_label": round(self.commonest, 4),
            "classes": classes,
            "confusion": self.confusion.tolist(),
            "wrong": [each.to_json() for each in self.wrong],
            "strength": self.strength,
            "strengths_of_folds": list(self.strengths),
            "strength_chosen_inside_folds": self.nested,
            "threshold": self.threshold,
            "notes": list(self.notes),
        }


def learned_question(
    name: str, labels: tuple[str, ...], labelled: Labelled, held: HeldOut, *, strength: float, threshold: float | None
) -> LearnedQuestion:
    """The account of a question from what was held out."""
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    wrong = []
    if len(held.measured):
        for number, row in zip(held.measured, held.probabilities, strict=True):
            right, answer = labelled.targets[number], int(row.argmax())
            confusion[right, answer] += 1
            if answer != right:
                wrong.append(
                    Wrong(
                        stretch=labelled.examples[number].stretch,
                        label=labels[right],
                        answer=labels[answer],
                        score=float(row[answer]),
                    )
                )
    videos: dict[int, set[str]] = {}
    for example, target in zip(labelled.examples, labelled.targets, strict=True):
        videos.setdefault(int(target), set()).add(example.video)
    counts = Counter(labelled.targets.tolist())
    return LearnedQuestion(
        name=name,
        labels=labels,
        examples=tuple(counts[i] for i in range(len(labels))),
        videos=tuple(len(videos[i]) for i in range(len(labels))),
        strength=strength,
        strengths=held.strengths,
        nested=held.nested,
        confusion=confusion,
        wrong=tuple(sorted(wrong, key=lambda each: -each.score)),
        threshold=threshold,
    )


def _share(part: np.integer[Any], whole: np.integer[Any]) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None
