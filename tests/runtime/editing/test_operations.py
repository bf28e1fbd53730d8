"""What steps do, against doing it frame by frame."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.editing.frame_table import FrameTable
from videobert.editing.grammar import Step, What, Words
from videobert.editing.operations import Part, done, merged

COUNT = 60


def table(ticks: Sequence[int] = range(COUNT)) -> FrameTable:
    """A film at ten ticks a second, a frame at each."""
    return FrameTable(
        time_base=Fraction(1, 10),
        ticks=array("q", ticks),
        end=ticks[-1] + 1,
        rate=Fraction(10),
        by_order=True,
        entries=array("q"),
        landings=array("q"),
        led=frozenset(),
        landing_packets=array("q"),
        decoded_before=array("q"),
        reorder=0,
        codec="h264",
    )


NAMED = {
    "a": [Part(5, 15, "a", 0.9), Part(30, 40, "a", 0.8)],
    "b": [Part(10, 20, "b", 0.7), Part(50, 60, "b", 0.2)],
    "none": [],
}


def resolve(what: What, best: bool) -> list[Part]:
    assert isinstance(what, Words)
    return NAMED[what.text][:1] if best and not what.every else NAMED[what.text]


def frames(parts: Sequence[Part]) -> list[int]:
    return [n for part in parts for n in range(part.first, part.end)]


def of(text: str) -> set[int]:
    return set(frames(NAMED[text]))


A, B, NONE = (Words("a"),), (Words("b"),), (Words("none"),)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([Step("keep", A)], sorted(of("a"))),
        ([Step("keep", A + B)], sorted(of("a") | of("b"))),
        ([Step("keep", A), Step("keep", B)], sorted(of("a") & of("b"))),
        ([Step("remove", A)], sorted(set(range(60)) - of("a"))),
        ([Step("remove", A), Step("remove", NONE)], sorted(set(range(60)) - of("a"))),
        ([Step("keep", A), Step("remove", B)], sorted(of("a") - of("b"))),
        ([Step("front", A)], [*range(5, 15), *range(5), *range(15, 60)]),
        (
            [Step("front", (Words("a", True),))],
            [*range(5, 15), *range(30, 40), *range(5), *range(15, 30), *range(40, 60)],
        ),
        ([Step("end", A)], [*range(5), *range(15, 60), *range(5, 15)]),
        ([Step("after", A, (Words("b", True),))], [*range(5), *range(15, 60), *range(5, 15)]),
        ([Step("before", (Words("b"),), A)], [*range(5), *range(10, 20), *range(5, 10), *range(20, 60)]),
        ([Step("before", A, NONE)], list(range(60))),
        ([Step("front", NONE)], list(range(60))),
        ([Step("keep", A), Step("reverse")], [*range(30, 40), *range(5, 15)]),
        ([Step("at_most", seconds=Fraction(2))], list(range(20))),
        # The best first; of what does not fit whole, the beginning.
        ([Step("keep", A + B), Step("at_most", seconds=Fraction(2))], [*range(5, 20), *range(30, 35)]),
        ([Step("at_most", seconds=Fraction(100))], list(range(60))),
    ],
)
def test_frame_by_frame(steps: list[Step], expected: list[int]) -> None:
    assert frames(done(steps, table(), resolve)) == expected


def test_nothing_left() -> None:
    for step in (Step("keep", NONE), Step("at_most", seconds=Fraction(1, 20))):
        with pytest.raises(InputError, match="nothing is left"):
            done([step], table(), resolve)
    with pytest.raises(InputError, match="nothing is left"):
        done([Step("keep", A), Step("remove", A)], table(), resolve)


def test_merging_against_marking_frames() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        spans = [sorted(rng.choice(60, 2, replace=False).tolist()) for _ in range(rng.integers(1, 8))]
        found = merged(Part(first, end, "x", 0.5) for first, end in spans)
        assert frames(found) == sorted({n for first, end in spans for n in range(first, end)})
        assert all(one.end < other.first for one, other in pairwise(found))


def test_steps_in_any_order_against_sets() -> None:
    """Keeping and cutting out are set operations, whatever came before."""
    rng = np.random.default_rng(6)
    for _ in range(200):
        steps, left = [], set(range(60))
        for _ in range(rng.integers(1, 5)):
            name = str(rng.choice(["a", "b"]))
            keep = bool(rng.integers(2))
            steps.append(Step("keep" if keep else "remove", (Words(name),)))
            left = left & of(name) if keep else left - of(name)
        if left:
            assert frames(done(steps, table(), resolve)) == sorted(left)
        else:
            with pytest.raises(InputError):
                done(steps, table(), resolve)


def test_at_most_never_exceeds() -> None:
    irregular = table([n * n for n in range(60)])
    for tenths in (1, 7, 50, 123, 3000):
        (part,) = done([Step("at_most", seconds=Fraction(tenths, 10))], irregular, resolve)
        assert irregular.bound(part.end) - irregular.bound(part.first) <= tenths
        assert part.end == 60 or irregular.bound(part.end + 1) > tenths
