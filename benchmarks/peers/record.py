"""The suite's file of results: whole at every moment, and able to go on where an earlier run stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

FORMAT: Final = 1
MEASURED, RED, ABSENT, FAILED, LEFT = "measured", "parity is red", "absent", "failed", "not measured"
# What a later run tries again.
OPEN: Final = frozenset({FAILED, LEFT})
# What may differ between two runs that belong into one file: when, and what no case here uses.
_MAY_DIFFER: Final = frozenset({"date", "load", "triton", "tensorrt", "tensorrt_rtx", "nvidia-dali-cuda130"})

Row = dict[str, Any]


class Record:
    """Rows by case and peer, on disk after every change.

    Args:
        path: written by a rename of a whole file.
        environment: of this run.
        plan: case and peer of every row, in order.
        dry_run: whether there are no times in it.
        resume: go on with what is in the file.
        again: and measure again what was measured while the machine was busy.

    Raises:
        ValueError: the file to go on with is of another machine, other versions or another kind of run.
    """

    def __init__(
        self,
        path: Path,
        environment: Mapping[str, Any],
        plan: Sequence[tuple[str, str]],
        *,
        dry_run: bool,
        resume: bool,
        again: bool = False,
    ) -> None:
        self._path = path
        earlier = _earlier(path, environment, dry_run) if resume and path.exists() else None
        self._head = {"format": FORMAT, "dry_run": dry_run, "environment": dict(environment)}
        rows = [row for row in earlier["rows"] if not (again and _busy(row))] if earlier else []
        kept = {(row["case"], row["peer"]): row for row in rows}
        fresh = {place: {"case": place[0], "peer": place[1], "state": LEFT, "why": "not reached"} for place in plan}
        self._rows: dict[tuple[str, str], Row] = {
            place: row if kept.get(place, row)["state"] in OPEN else kept[place] for place, row in fresh.items()
        }
        self._rows |= {place: row for place, row in kept.items() if place not in fresh}

    def open(self, case: str, peer: str) -> bool:
        """Whether a row has no answer yet."""
        return self._rows[case, peer]["state"] in OPEN

    def put(self, row: Row) -> None:
        """Take a row's answer and write the file."""
        self._rows[row["case"], row["peer"]] = row
        self.save()

    def content(self) -> dict[str, Any]:
        """What the file holds."""
        return {**self._head, "rows": list(self._rows.values())}

    def save(self) -> None:
        """Write the file beside itself and put it in its place."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        beside.write_text(json.dumps(self.content(), indent=1, allow_nan=False) + "\n", encoding="utf-8")
        beside.replace(self._path)


def _busy(row: Row) -> bool:
    return "noise" in row and not row["noise"]["quiet"]


def _earlier(path: Path, environment: Mapping[str, Any], dry_run: bool) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if found.get("format") != FORMAT or found.get("dry_run") != dry_run:
        raise ValueError(f"{path} is of another kind of run")
    for name in (set(found["environment"]) | set(environment)) - _MAY_DIFFER:
        before, now = found["environment"].get(name), environment.get(name)
        if before != now:
            raise ValueError(f"{path}: {name} was {before}, and is {now}")
    return found
