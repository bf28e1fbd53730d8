"""The questions that labelled stretches ask, checked as far as that takes no look at a video."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from videobert.base.errors import InputError, LimitExceeded, UsageError
from videobert_modeling.learn.data.class_folders import read_class_folders
from videobert_modeling.learn.data.jsonl import read_jsonl
from videobert_modeling.learn.data.problems import Problems
from videobert_modeling.learn.data.stretch import Stretch

LEAST_CLASSES, MOST_CLASSES = 2, 1000
LEAST_EXAMPLES = 2
MOST_QUESTIONS = 64
_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What there is to learn from.

    Args:
        stretches: in the order of the file, each once; those that answer no question that was asked for are left out.
        questions: the labels of each question, both sorted.
    """

    stretches: tuple[Stretch, ...]
    questions: dict[str, tuple[str, ...]]


def read_data(path: Path, questions: Sequence[str] = ()) -> Data:
    """Labelled stretches from a JSONL file, or from a folder with one folder a class.

    Args:
        questions: of a file: those to learn, all of them by default; of a folder: the name of its one question.

    Raises:
        InputError: the data cannot be read, is wrong, or is too little: see `check_classes`.
        UsageError: a question that the data does not have.
        LimitExceeded: too many lines, classes or questions.
    """
    if path.is_dir():
        if len(questions) > 1:
            raise UsageError(
                "a folder of classes is one question", seen=", ".join(questions), fix="Give one name, or a .jsonl file."
            )
        stretches = read_class_folders(path, *questions)
    else:
        stretches = _of_questions(read_jsonl(path), questions)
    stretches = _once(stretches, path.name)
    counts = examples_of(stretches)
    if len(counts) > MOST_QUESTIONS:
        raise LimitExceeded(
            "there are too many questions",
            seen=len(counts),
            allowed=f"{MOST_QUESTIONS} at a time",
            fix="Learn some of them with questions=….",
            fix_cli="Learn some of them with --question NAME.",
        )
    for question, examples in counts.items():
        check_classes(question, examples)
    return Data(stretches=stretches, questions={name: tuple(sorted(counts[name])) for name in sorted(counts)})


def examples_of(stretches: Sequence[Stretch]) -> dict[str, Counter[str]]:
    """How many stretches each label of each question has."""
    counts: dict[str, Counter[str]] = {}
    for stretch in stretches:
        for question, label in stretch.labels.items():
            counts.setdefault(question, Counter())[label] += 1
    return counts


def check_classes(question: str, examples: Counter[str]) -> None:
    """Whether a head can be learned from so many examples of each label.

    Raises:
        InputError: fewer than two labels, or a label with fewer than two examples.
        LimitExceeded: more labels than a question may have.
    """
    if len(examples) > MOST_CLASSES:
        raise LimitExceeded(
            f"the question {question} has too many labels",
            seen=len(examples),
            allowed=f"{MOST_CLASSES} labels",
            fix="Check that the labels are classes, not descriptions; join some of them.",
        )
    if len(examples) < LEAST_CLASSES:
        raise InputError(
            f"the question {question} has one label only, so there is nothing to tell apart",
            seen=", ".join(examples),
            allowed=f"{LEAST_CLASSES} labels or more",
            fix="Add stretches of another class, such as one called none.",
        )
    few = sorted(label for label, count in examples.items() if count < LEAST_EXAMPLES)
    if few:
        more = f" and {len(few) - _NAMED} more" if len(few) > _NAMED else ""
        raise InputError(
            f"labels of the question {question} have too few examples",
            seen=", ".join(few[:_NAMED]) + more,
            allowed=f"{LEAST_EXAMPLES} stretches or more of each label; five, of several videos, are a fair start",
            fix="Add stretches, or remove these labels.",
        )


def _of_questions(stretches: tuple[Stretch, ...], questions: Sequence[str]) -> tuple[Stretch, ...]:
    if not questions:
        return stretches
    there = {question for stretch in stretches for question in stretch.labels}
    missing = [question for question in questions if question not in there]
    if missing:
        raise UsageError(
            "the data has no such question",
            seen=", ".join(missing),
            allowed=", ".join(sorted(there)[:_NAMED]),
            fix="Use one of those.",
        )
    kept = []
    for stretch in stretches:
        labels = {question: label for question, label in stretch.labels.items() if question in questions}
        if labels:
            kept.append(dataclasses.replace(stretch, labels=labels))
    return tuple(kept)


def _once(stretches: tuple[Stretch, ...], source: str) -> tuple[Stretch, ...]:
    """Stretches that are given twice, joined.

    Raises:
        InputError: two of them contradict each other.
    """
    problems = Problems(source)
    first: dict[tuple[Path, float | None, float | None], Stretch] = {}
    for stretch in stretches:
        key = (stretch.video, stretch.start_s, stretch.end_s)
        before = first.setdefault(key, stretch)
        for question, label in stretch.labels.items():
            told = before.labels.get(question, label)
            if told != label:
                problems.add(stretch.where, f"{question} is {label!r} here, and {told!r} in {before.where}")
        if before is not stretch:
            first[key] = dataclasses.replace(before, labels={**stretch.labels, **before.labels})
    problems.raise_any("Keep one answer for each stretch.")
    return tuple(first.values())
