"""What is compared: a case has ours, its peers, and a judge that both must pass before either is timed."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


class Absent(Exception):
    """A peer, or all of a case, cannot run here; the text is the reason, in the words of what refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How an answer is held against the reference.

    Args:
        name: what the value is, for instance `"relative error to float32"`.
        limit: the worst value that is still right.
        better: whether a right answer has `"less"` or `"more"`.
    """

    name: str
    limit: float
    better: Literal["less", "more"]

    def holds(self, value: float) -> bool:
        """Whether it is right; what is no number is not."""
        return value <= self.limit if self.better == "less" else value >= self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way to the answer, with everything that can be done once done.

    Args:
        version: of the libraries that decide its speed.
        call: one run, which returns the answer.
        note: what a reader should know of it.
    """

    version: str
    call: Callable[[], Any]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A case with its inputs.

    Args:
        ours: what we ship.
        measure: what the answers are held to.
        judge: an answer to the value of `measure`; the reference is its own.
        inputs: whatever the peers need.
        close: gives back what the case holds.
    """

    ours: Contender
    measure: Measure
    judge: Callable[[Any], float]
    inputs: Any
    close: Callable[[], None] = lambda: None


Peer = Callable[[Any], Contender]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to do.

    Args:
        name: unique, `group/size`.
        what: in words, for the table.
        prepare: loads models and makes inputs and the reference; `Absent` where it cannot.
        peers: by name, each made from `Prepared.inputs`; `Absent` or an `ImportError` where it cannot.
    """

    name: str
    what: str
    prepare: Callable[[Setting], Prepared]
    peers: Mapping[str, Peer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how large.

    Args:
        tiny: the smallest sizes, for a run that shows that all of it works and takes no times.
        scratch: a folder for models that are made here; what is there already is used again.
        models: the folder of got models, or None for that of the user.
        threads: most threads for ours and for each peer.
    """

    tiny: bool
    scratch: Path
    models: Path | None
    threads: int


def versions(*distributions: str) -> str:
    """`"torch 2.13.0, numpy 2.4.6"`; `Absent` where one is not installed."""
    try:
        return ", ".join(f"{name} {importlib.metadata.version(name)}" for name in distributions)
    except importlib.metadata.PackageNotFoundError as error:
        raise Absent(f"not installed: {error}") from error
