"""Runs the cases of one family in this process and writes one JSON line about each.

A process of its own: a kernel that reads where it must not leaves the GPU context of its process unusable, and a case
that does not come back can only be ended together with its process. `gpu_suite.py` starts the next one.
"""

from __future__ import annotations

import importlib
import importlib.abc
import json
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from benchmarks.gpu.case import Case, tiny
from benchmarks.gpu.timing import cuda_samplers, figure_of, verdict

# A dry run shares a small machine with whatever else runs there; budgets are for a GPU.
_INTERPRETER_SLOWNESS: Final = 10


class _NoVideobert(importlib.abc.MetaPathFinder):
    """The machine with the GPU has torch, Triton and numpy only."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] == "videobert":
            raise ImportError("figures must not import videobert: the kernels stand alone")


def main(family: str, out: Path, skip: Sequence[str], only: str) -> None:
    """Write, for every case of the module `family` but those in `skip`, `{"started": name}` and what came of it."""
    sys.meta_path.insert(0, _NoVideobert())
    with out.open("a", encoding="utf-8", buffering=1) as lines:
        for case in chosen(family, skip, only):
            budget_s = case.budget_s * (_INTERPRETER_SLOWNESS if tiny() else 1)
            print(json.dumps({"started": case.name, "budget_s": budget_s}), file=lines)
            row = run(case)
            print(json.dumps(row), file=lines)
            if row.get("context_lost"):
                sys.exit(3)


def chosen(family: str, skip: Sequence[str], only: str) -> Iterator[Case]:
    """The family's cases that are asked for.

    Raises:
        ValueError: two have one name.
    """
    cases: list[Case] = importlib.import_module(family).cases()
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"two cases have one name: {sorted(twice)}")
    return (case for case in cases if only in case.name and case.name not in skip)


def run(case: Case) -> dict[str, Any]:
    """Prepare, check, then time one case; whatever goes wrong becomes part of the row."""
    deadline_s = time.monotonic() + case.budget_s
    row: dict[str, Any] = {"name": case.name, "bar": case.bar, "bar_text": case.bar_text}
    try:
        prepared = case.prepare()
        row["parity"] = prepared.parity() or "good"
        if row["parity"] != "good":
            return row | {"verdict": "parity is red"}
        if tiny():
            prepared.ours()
            return row | {"rivals": dict.fromkeys(prepared.rivals), "verdict": "dry run"}
        samplers, failed, how = cuda_samplers(prepared)
        row |= how | figure_of(case, samplers, deadline_s)
        if failed:
            row["rivals"] |= failed
            row |= verdict(case, row["rivals"])
        return row
    except Exception as error:
        # Any case may fail in any way; the row says how, and the other cases run.
        where = traceback.format_exc().strip().splitlines()[-12:]
        row |= {"verdict": "failed", "error": f"{type(error).__name__}: {error}"[:1000], "traceback": where}
        return row | ({"context_lost": True} if _context_lost() else {})
    finally:
        if not tiny() and not row.get("context_lost"):
            _release()


def _context_lost() -> bool:
    if not torch.cuda.is_available():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def _release() -> None:
    import gc

    gc.collect()
    try:
        torch.cuda.empty_cache()
    except RuntimeError:
        # The context is gone; the row says so already.
        return
