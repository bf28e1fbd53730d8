"""What a figure is made of: what is ours, what it is compared with, and what must be true before either is timed.

A file of figures has one function, `cases() -> list[Case]`, which allocates nothing; `prepare` does that, one case at
a time. Needs torch, triton and numpy only, unless the file says `NEEDS_VIDEOBERT = True`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


def tiny() -> bool:
    """Whether this is a dry run: every case at a size that Triton's interpreter finishes in a second, in fp32 or fp16.

    A dry run has no GPU; it shows that a case can be built and that its parity check says what it should.
    """
    return os.environ.get("VIDEOBERT_DRY_RUN") == "1"


def device() -> str:
    """Where a case puts its tensors: `"cuda"`, or `"cpu"` in a dry run."""
    return "cpu" if tiny() else "cuda"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A case with its tensors, ready to be checked and timed.

    Args:
        ours: one run of what we ship; its result is thrown away.
        rivals: by name, one run of each thing that ours is compared with, on the same inputs. They include what is
            fair to expect of a caller and nothing else: no host copies, no tensor made on the way that ours need not.
        parity: None if ours answers correctly, else what is wrong. Called before anything is timed; no speed is printed
            where it says something.
        note: what a reader should know about the figure, for instance how good the rivals' answers are.
        quality: what the speed costs, ours held against something wider; asked once the answer is right.
        clock: `"device"` between CUDA events; `"host"` from the call until the device is done; `"own"` where each run
            gives its milliseconds.
        graph: time a replay of a captured CUDA graph instead of the call, ours and the rivals.
        uncaptured: names of rivals that are called even so, because they bring their own graphs or cannot be captured.
        l2: `"warm"` as the run before left it, or `"cold"`: overwritten before every run.
        bytes: least traffic to and from device memory that the answer needs, for the achieved bandwidth.
        operations: multiplications and additions that the answer needs, for the achieved rate.
    """

    ours: Callable[[], object]
    rivals: Mapping[str, Callable[[], object]]
    parity: Callable[[], str | None]
    note: str = ""
    quality: Callable[[], Mapping[str, float]] | None = None
    clock: Literal["device", "host", "own"] = "device"
    graph: bool = False
    uncaptured: frozenset[str] = field(default_factory=frozenset)
    l2: Literal["warm", "cold"] = "warm"
    bytes: int | None = None
    operations: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row of the table of GPU figures.

    Args:
        name: unique, stable, `family/what/size`, for instance `"attention/packed/bf16-h12-d64-max512"`.
        bar: how many times as fast as the fastest of the rivals ours is to be (time of rival / time of ours); None
            where there is no bar. Two bars against two rivals are two cases; "within 1.1x of" is `bar=1 / 1.1`.
        bar_text: the bar in words, for the table.
        prepare: allocates and warms; may compile; may raise, which is recorded and stops no other case.
        cost_s: how long all of it takes, as far as one knows; what the suite plans with.
        budget_s: longest time for prepare, parity and timing together.
    """

    name: str
    bar: float | None
    bar_text: str
    prepare: Callable[[], Prepared]
    cost_s: float = 3.0
    budget_s: float = 20.0
