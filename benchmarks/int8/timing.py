"""Milliseconds of several ways to the same result, in turns within one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.int8.stage_runs import features, opened
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges

LEAST_TURNS, TURN_S = 9, 0.2


def in_turns(ways: Mapping[str, Callable[[], Any]], *, all_s: float) -> dict[str, Any]:
    """Medians, and the medians of pairs with each way that stands before.

    Args:
        ways: by name; the first is what the length of a turn is taken from.
        all_s: it takes about so long, at least 9 turns.
    """
    for way in ways.values():
        way()
        way()
    first = next(iter(ways))
    began = time.perf_counter()
    ways[first]()
    many = max(1, round(TURN_S / (time.perf_counter() - began)))
    took: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + all_s
    while len(took[first]) < LEAST_TURNS or time.perf_counter() < end:
        for name in ways if len(took[first]) % 2 else reversed(ways):
            began = time.perf_counter()
            for _ in range(many):
                ways[name]()
            took[name].append((time.perf_counter() - began) / many)
    found: dict[str, Any] = {"turns": len(took[first]), "calls_a_turn": many}
    for place, (name, each) in enumerate(took.items()):
        low, middle, high = np.quantile(each, [0.25, 0.5, 0.75]).tolist()
        found[name] = {"ms": 1000 * middle, "quartiles_ms": [1000 * low, 1000 * high]}
        for other in list(took)[: min(place, 2)]:
            found[name][f"{other}_over_it"] = statistics.median(a / b for a, b in zip(took[other], each, strict=True))
    return found


def turns(
    folder: ModelFolder,
    points: Mapping[str, Int8Ranges],
    clip: npt.NDArray[np.uint8],
    all_s: float = 20.0,
) -> dict[str, Any]:
    """`in_turns` of the backbone on one clip, in fp32, in bf16 and at points."""
    with ExitStack() as stack:
        engines = {
            "fp32": stack.enter_context(opened(folder, "fp32")),
            "bf16": stack.enter_context(opened(folder, "bf16")),
            **{name: stack.enter_context(opened(folder, "auto", each)) for name, each in points.items()},
        }
        return in_turns({name: partial(features, each, [clip]) for name, each in engines.items()}, all_s=all_s)
