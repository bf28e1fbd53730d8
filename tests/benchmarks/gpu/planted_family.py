"""Cases for the tests of the GPU suite: one that is right, and one for everything that can go wrong."""

from __future__ import annotations

import os
import time

import torch

from benchmarks.gpu.case import Case, Prepared, device


def _prepared(parity: str | None) -> Prepared:
    values = torch.ones(3, device=device())
    return Prepared(ours=lambda: values + 1, rivals={"torch": lambda: values.add(1)}, parity=lambda: parity)


def _hangs() -> Prepared:
    time.sleep(600)
    raise AssertionError("the suite did not end this process")


def _imports_videobert() -> Prepared:
    import videobert

    return _prepared(str(videobert))


def _crashes() -> Prepared:
    os._exit(11)


def cases() -> list[Case]:
    made = {
        "right": lambda: _prepared(None),
        "wrong": lambda: _prepared("label 3 is 5, not 4"),
        "raises": lambda: _prepared(None).rivals["nothing"],
        "hangs": _hangs,
        "crashes": _crashes,
        "imports_videobert": _imports_videobert,
        "last": lambda: _prepared(None),
    }
    return [
        Case(name=f"planted/{name}", bar=1.0, bar_text="1x", prepare=prepare, budget_s=0.5)  # type: ignore[arg-type]
        for name, prepare in made.items()
    ]
