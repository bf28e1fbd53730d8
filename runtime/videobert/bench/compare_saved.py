"""Two saved results: what they say of the same video, or which of two measurements was slower."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from videobert.base.errors import InputError, MismatchError
from videobert.bench.pairs import speed_of
from videobert.bench.parity import parity_of
from videobert.bench.regression import ratio_between
from videobert.bench.saved_results import Saved, read_saved, saved_bench
from videobert.bench.shares import equal_answers, equal_tokens
from videobert.results.as_json import to_json
from videobert.results.bench import Bench
from videobert.results.compare import Comparison, Speed

# A processor whose clock changes by more than this slows different work by different shares.
_MOST_DRIFT: Final = 1.2
# What may lie between two measurements of the same code on a quiet machine: 1.27 was seen among twenty.
_APART: Final = 1.3


def compare_saved(old: Path, new: Path) -> Comparison:
    """Compare two files of one kind; tokens may stand against a report that has them.

    Raises:
        InputError: a file is no result, or they have nothing in common.
        MismatchError: times of different work.
    """
    a, b = read_saved(old), read_saved(new)
    if a.kind == b.kind == "bench":
        return compare_times(a, b)
    if "bench" in (a.kind, b.kind):
        raise InputError(
            "times and answers cannot be compared", seen=f"{a.kind} and {b.kind}", fix="Give two files of one kind."
        )
    answers, top5 = equal_answers(a.segments, b.segments)
    tokens = equal_tokens(a.tokens, b.tokens)
    if answers is None and tokens is None:
        raise InputError(
            "these two results have nothing in common that could be compared",
            seen=f"{a.kind} with {len(a.tokens)} tokens and {b.kind} with {len(b.tokens)}",
            fix="Give results about one video, with one stride.",
        )
    return Comparison(
        a=a.side,
        b=b.side,
        tokens=tokens,
        top5=top5,
        answers=answers,
        parity=parity_of((), tokens, answers),
        notes=("two saved results: only what they say was compared, no stages and no speed",),
    )


def against(old: Path, new: Bench) -> Speed:
    """The verdict over a file of `bench` and what was measured now.

    Raises:
        InputError: the file holds no times, or too few.
        MismatchError: they measured other work, or on another processor.
    """
    return _times(_of_bench(old), saved_bench(Path("now"), to_json(new)))[0]


def _of_bench(path: Path) -> Saved:
    found = read_saved(path)
    if found.kind != "bench":
        raise InputError("this file holds no times", seen=str(path), fix="Keep some with `videobert bench --out`.")
    return found


def compare_times(a: Saved, b: Saved) -> Comparison:
    """The comparison of two files of `bench`; raises as `against`."""
    speed, notes = _times(a, b)
    return Comparison(a=a.side, b=b.side, speed=speed, notes=notes)


def _times(a: Saved, b: Saved) -> tuple[Speed, tuple[str, ...]]:
    """The verdict over two files of `bench`: whether the second is slower.

    Raises:
        InputError: too few answers in one of them.
        MismatchError: they measured other work, or on another processor.
    """
    other = [name for (name, one), (_, two) in zip(a.about, b.about, strict=True) if one and two and one != two]
    if other:
        raise MismatchError(
            f"these two measured different things: another {', '.join(other)}",
            seen="; ".join(dict(b.about)[name] for name in other),
            allowed="; ".join(dict(a.about)[name] for name in other),
            fix="Measure both the same way on the same machine.",
        )
    notes = []
    for saved in (a, b):
        if saved.work_s is None:
            notes.append(f"{saved.side.name} does not say how fast the machine itself was")
    machine = 1.0 if a.work_s is None or b.work_s is None else b.work_s / a.work_s
    if abs(machine - 1) > 0.01:
        notes.append(f"the machine's own plain work took {machine:.3g} times as long, which counts for neither")
    noisy = [saved.side.name for saved in (a, b) if not saved.quiet]
    why = f"measured on a machine under load: {', '.join(noisy)}" if noisy else None
    if why is None and max(machine, 1 / machine) > _MOST_DRIFT:
        why = f"the machine itself took {machine:.3g} times as long, more than can be counted out"
    ratio = ratio_between(a.answers_s, b.answers_s, machine=machine)
    if why is None and max(ratio.median, 1 / ratio.median) < _APART:
        why = (
            "the two were measured one after the other, and two of the same code may then lie a quarter apart: "
            "`videobert compare --beside PYTHON` asks both in turns"
        )
    return speed_of(ratio, list(a.answers_s), list(b.answers_s), why_none=why), tuple(notes)
