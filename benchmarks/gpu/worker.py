"""Answers requests in a process of its own: prepares, checks and times one case, or asks one probe, and says the row.

A process of its own: a kernel that reads where it must not leaves the GPU context of its process unusable, and what
does not come back can only be ended together with its process. Run by `benchmarks.gpu.processes.Worker`.
"""

from __future__ import annotations

import importlib
import importlib.abc
import json
import os
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any

import torch

from benchmarks.gpu.case import Case, tiny
from benchmarks.gpu.timing import figure_of, samplers_of, verdict


class _NoVideobert(importlib.abc.MetaPathFinder):
    """Figures of the kernels are taken where torch, Triton and numpy are all there is."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] == "videobert":
            raise ImportError("figures must not import videobert: the kernels stand alone")


def main(answers: int, alone: bool) -> None:
    """Say that it is ready, then one line for each line of input; ends with its input.

    Args:
        answers: descriptor that answers are written to, since libraries print where they like.
        alone: whether `videobert` cannot be imported.
    """
    if alone:
        sys.meta_path.insert(0, _NoVideobert())
    with os.fdopen(answers, "w", encoding="utf-8", buffering=1) as lines:
        print("{}", file=lines)
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line)), default=str), file=lines)


def answer(request: Mapping[str, str]) -> dict[str, Any]:
    """The row of `{"family": module, "case": name}` or of `{"probe": name}`."""
    try:
        if "probe" in request:
            from benchmarks.gpu.probes import ask

            return ask(request["probe"])
        cases: list[Case] = importlib.import_module(request["family"]).cases()
        (case,) = [case for case in cases if case.name == request["case"]]
    except Exception as error:
        # A module that cannot be imported costs its own rows.
        return _failed(error)
    return run(case)


def run(case: Case) -> dict[str, Any]:
    """Prepare, check, then time one case; whatever goes wrong becomes part of the row."""
    deadline_s = time.monotonic() + case.budget_s
    row: dict[str, Any] = {"bar": case.bar, "bar_text": case.bar_text}
    try:
        prepared = case.prepare()
        row["parity"] = prepared.parity() or "good"
        if row["parity"] != "good":
            return row | {"verdict": "parity is red"}
        if prepared.quality is not None:
            row["quality"] = dict(prepared.quality())
        if tiny():
            # But what the checks ran already, and rivals with graphs of their own, which would first be compiled.
            ran = {"ours"} if prepared.clock != "device" else set()
            for name, each in {"ours": prepared.ours, **prepared.rivals}.items():
                if name not in prepared.uncaptured | ran:
                    each()
            return row | {"rivals": dict.fromkeys(prepared.rivals), "verdict": "dry run"}
        samplers, failed, how = samplers_of(prepared)
        row |= how | figure_of(case, samplers, deadline_s)
        row |= {"achieved": achieved(row["ours_ms"]["median"], prepared.bytes, prepared.operations)}
        if failed:
            row["rivals"] |= failed
            row |= verdict(case, row["rivals"])
        return row
    except Exception as error:
        # Any case may fail in any way; the row says how, and the other cases run.
        return row | _failed(error) | ({"context_lost": True} if _context_lost() else {})
    finally:
        if not tiny():
            _release()


def achieved(milliseconds: float, traffic: int | None, operations: int | None) -> dict[str, float]:
    """Rates of ours, to be held against the roofs: GB/s and TFLOP/s, as far as the case says what it needs."""
    rates = {}
    if traffic is not None:
        rates["gb_per_s"] = traffic / milliseconds / 1e6
    if operations is not None:
        rates["tflop_per_s"] = operations / milliseconds / 1e9
    return rates


def _failed(error: Exception) -> dict[str, Any]:
    if isinstance(error, ModuleNotFoundError):
        return {"verdict": "absent", "error": str(error)}
    where = traceback.format_exc().strip().splitlines()[-12:]
    return {"verdict": "failed", "error": f"{type(error).__name__}: {error}"[:1000], "traceback": where}


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


if __name__ == "__main__":
    main(int(sys.argv[1]), "--alone" in sys.argv)
