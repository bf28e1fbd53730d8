"""The suite's file of results: valid at every moment, and able to go on where an earlier run of the suite stopped."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.gpu.parts import Part

FORMAT: Final = 2
NOT_MEASURED: Final = "not measured"
ENDED: Final = "ended"
# What an answer is wrong by, or what did not come to an answer through a fault of its own.
WRONG: Final = frozenset({"failed", "parity is red"})
# Rows that another run of the suite is to try again: those it had no time for, and those that hung.
OPEN: Final = frozenset({NOT_MEASURED, ENDED})
# Two runs belong into one file where all of this is the same: figures depend on it.
_SAME: Final = (
    "commit",
    "sources",
    "device",
    "driver",
    "python",
    "torch",
    "torch_cuda",
    "cudnn",
    "triton",
    "numpy",
    "av",
    "dali",
    "pycuda",
    "cuda_bindings",
    "fp_fusion",
)

Row = dict[str, Any]


class Record:
    """Results by part, on disk after every change.

    Args:
        path: written by a rename of a whole file, so that whoever kills the suite finds the file of before or of after.
        environment: of this run.
        plan: every part; what is not run is in the file too, as not measured.
        dry_run: whether there are no times in it.
        earlier: an earlier file's results to go on from, see `continued`.
    """

    def __init__(
        self,
        path: Path,
        environment: Mapping[str, Any],
        plan: Sequence[Part],
        *,
        dry_run: bool,
        earlier: Mapping[str, Any] | None = None,
    ) -> None:
        self._path = path
        before = {part["name"]: part for part in earlier["parts"]} if earlier else {}
        self._parts = {part.name: _fresh(part, before.get(part.name)) for part in plan}
        self.runs: list[dict[str, Any]] = list(earlier["runs"]) if earlier else []
        # What the plan of this run leaves out stays in the file.
        self._parts |= {name: part for name, part in before.items() if name not in self._parts}
        self._head = {"format": FORMAT, "dry_run": dry_run, "environment": dict(environment)}

    def content(self) -> dict[str, Any]:
        """What the file holds now."""
        parts = list(self._parts.values())
        for part in parts:
            part["state"] = state_of(part["rows"])
        left = [part["name"] for part in parts if part["state"] in {"left", ENDED} or _open(part)]
        return {**self._head, "runs": self.runs, "left": left, "parts": parts}

    def save(self) -> None:
        """Write the file anew beside itself and put it in its place."""
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with beside.open("w", encoding="utf-8") as file:
            json.dump(strict(self.content()), file, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)

    def missing(self, part: Part) -> list[str]:
        """Names of the part's rows that have no answer yet."""
        return [row["name"] for row in self._parts[part.name]["rows"] if row["verdict"] in OPEN]

    def hung(self, part: Part) -> bool:
        """Whether one of its rows was ended: it comes last when the suite goes on."""
        return any(row["verdict"] == ENDED for row in self._parts[part.name]["rows"])

    def put(self, part: Part, row: Row) -> None:
        """Take the answer of one row, in the place of that which had none, and write the file."""
        rows = self._parts[part.name]["rows"]
        row = {**row, "run": len(self.runs) - 1}
        places = [place for place, old in enumerate(rows) if old["name"] == row["name"]]
        if places:
            rows[places[0]] = row
        else:
            rows.append(row)
        self.save()

    def leave(self, part: Part, reason: str) -> None:
        """Say of all rows without an answer why they have none, and write the file."""
        for row in self._parts[part.name]["rows"]:
            if row["verdict"] == NOT_MEASURED:
                row["reason"] = reason
        self.save()

    def took(self, part: Part, seconds: float) -> None:
        """Add to the seconds that the part took."""
        entry = self._parts[part.name]
        entry["seconds"] = round(entry.get("seconds", 0.0) + seconds, 1)
        self.save()


def _fresh(part: Part, before: Mapping[str, Any] | None) -> dict[str, Any]:
    answered = {row["name"]: row for row in before["rows"]} if before else {}
    rows = [answered.get(name, {"name": name, "verdict": NOT_MEASURED, "reason": "not reached"}) for name in part.rows]
    entry = {"name": part.name, "kind": part.kind, "state": "left", "cost_s": part.cost_s, "rows": rows}
    return entry | ({"seconds": before["seconds"]} if before and "seconds" in before else {})


def _open(part: Mapping[str, Any]) -> bool:
    return any(row["verdict"] in OPEN for row in part["rows"])


def state_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """A part's state: `"failed"` where an answer is wrong, then `"ended"`, `"left"`, `"absent"`, else `"done"`."""
    verdicts = {row["verdict"] for row in rows}
    if verdicts & WRONG:
        return "failed"
    if ENDED in verdicts:
        return ENDED
    if NOT_MEASURED in verdicts:
        return "left"
    return "absent" if verdicts == {"absent"} else "done"


def continued(path: Path, environment: Mapping[str, Any], *, dry_run: bool) -> tuple[dict[str, Any] | None, str]:
    """An earlier file's content if this run may go on with it, else None; and the reason, either way, in words."""
    from benchmarks.gpu.schema import problems

    try:
        earlier = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None, f"there is no {path}"
    except (OSError, ValueError) as error:
        return None, f"{path} cannot be read: {error}"
    if not isinstance(earlier, dict) or earlier.get("format") != FORMAT:
        return None, f"{path} is no result of format {FORMAT}"
    wrong = problems(earlier)
    if wrong:
        return None, f"{path} is not as it should be: {wrong[0]}"
    if earlier["dry_run"] != dry_run:
        return None, f"{path} is of {'a dry run' if earlier['dry_run'] else 'a GPU'}"
    for name in _SAME:
        before, now = earlier["environment"].get(name), environment.get(name)
        if before != now:
            return None, f"{name} was {before}, and is {now}"
    return earlier, f"goes on with {path}"


def strict(value: Any) -> Any:
    """As JSON has it: numbers that are none become words."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): strict(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [strict(each) for each in value]
    return value
