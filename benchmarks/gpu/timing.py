"""Interleaved pairs: every round times ours and each rival once, and ratios are taken inside a round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from benchmarks.gpu.case import Case, Prepared

# One run of something, in milliseconds.
Sampler = Callable[[], float]

OURS: Final = "ours"
MOST_ROUNDS: Final = 100
FEWEST_ROUNDS: Final = 9
_WARM_UPS: Final = 3
# Runs between two events are repeated until they take this long: an event is good for about half a microsecond.
_SAMPLE_MS: Final = 1.0
_MOST_CALLS: Final = 200


def figure_of(case: Case, samplers: Mapping[str, Sampler], deadline_s: float) -> dict[str, Any]:
    """Times of every participant, ratios against ours, and what that says about the bar.

    Args:
        case: for its bar.
        samplers: `"ours"` and the rivals.
        deadline_s: of `time.monotonic()`; rounds go on until then, at least nine and at most a hundred.
    """
    times: dict[str, list[float]] = {name: [] for name in samplers}
    names = list(samplers)
    rounds = 0
    while rounds < FEWEST_ROUNDS or (rounds < MOST_ROUNDS and time.monotonic() < deadline_s):
        # Another one comes first each round, so that no one always follows the same neighbour.
        for place in range(len(names)):
            name = names[(place + rounds) % len(names)]
            times[name].append(samplers[name]())
        rounds += 1
    rivals = {
        name: {"ms": _quartiles(values), "ratio": _quartiles([r / o for r, o in zip(values, times[OURS], strict=True)])}
        for name, values in times.items()
        if name != OURS
    }
    return {"rounds": rounds, "ours_ms": _quartiles(times[OURS]), "rivals": rivals} | verdict(case, rivals)


def verdict(case: Case, rivals: Mapping[str, Any]) -> dict[str, Any]:
    """The rival that answered first and whether the bar is met; a rival that could not be timed leaves that open."""
    timed = {name: rival for name, rival in rivals.items() if "ms" in rival}
    if not rivals and case.bar is None:
        return {"fastest_rival": None, "ratio": None, "verdict": "no bar"}
    if not timed:
        return {"fastest_rival": None, "ratio": None, "verdict": "no rival was timed"}
    fastest = min(timed, key=lambda name: timed[name]["ms"]["median"])
    ratio = timed[fastest]["ratio"]
    if case.bar is None:
        said = "no bar"
    elif ratio["median"] < case.bar:
        said = "missed"
    else:
        said = "met" if len(timed) == len(rivals) else "open: a rival failed"
    return {"fastest_rival": fastest, "ratio": ratio, "verdict": said}


def _quartiles(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3
    return {"q1": low, "median": middle, "q3": high}


def samplers_of(prepared: Prepared) -> tuple[dict[str, Sampler], dict[str, dict[str, Any]], dict[str, Any]]:
    """Samplers for ours and the rivals on the current GPU, the rivals that failed, and how they are timed."""
    flush = _l2_flusher() if prepared.l2 == "cold" else None
    make = {"device": _sampler, "host": _host_sampler, "own": _own_sampler}[prepared.clock]
    samplers = {OURS: make(prepared.ours, captured=prepared.graph, flush=flush)}
    failed: dict[str, dict[str, Any]] = {}
    for name, run in prepared.rivals.items():
        try:
            captured = prepared.graph and name not in prepared.uncaptured
            samplers[name] = make(run, captured=captured, flush=flush)
        except Exception as error:
            # A rival may lack a back end or memory here; the others are still worth knowing.
            torch.cuda.synchronize()
            failed[name] = {"error": f"{type(error).__name__}: {error}"[:500]}
    how = {
        "clock": prepared.clock,
        "l2": prepared.l2,
        "graph": prepared.graph,
        "uncaptured": sorted(prepared.uncaptured),
        "note": prepared.note,
        "bytes": prepared.bytes,
        "operations": prepared.operations,
    }
    return samplers, failed, how


def _sampler(run: Callable[[], object], *, captured: bool, flush: Callable[[], object] | None) -> Sampler:
    for _ in range(_WARM_UPS):
        run()
    torch.cuda.synchronize()
    if captured:
        run = _graph_of(run)
    if flush is not None:
        return _cold(run, flush)
    once_ms = _between_events(run, 3) / 3
    calls = max(1, min(_MOST_CALLS, round(_SAMPLE_MS / max(once_ms, 1e-3))))
    return lambda: _between_events(run, calls) / calls


def _host_sampler(run: Callable[[], object], **_: object) -> Sampler:
    """From the call until the device has nothing left to do; the first run, which compiles, is not counted."""

    def sample() -> float:
        torch.cuda.synchronize()
        started_s = time.perf_counter()
        run()
        torch.cuda.synchronize()
        return (time.perf_counter() - started_s) * 1e3

    sample()
    return sample


def _own_sampler(run: Callable[[], Any], **_: object) -> Sampler:
    """Of something that knows better when it began and when it was done; the first run is not counted."""
    run()
    return lambda: float(run())


def _cold(run: Callable[[], object], flush: Callable[[], object]) -> Sampler:
    def sample() -> float:
        # The flush also gives the CPU time to get ahead, so that its launch is not part of the figure.
        flush()
        return _between_events(run, 1)

    return sample


def _between_events(run: Callable[[], object], calls: int) -> float:
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(calls):
        run()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def _graph_of(run: Callable[[], object]) -> Callable[[], object]:
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        # Kept alive: the graph's memory holds it.
        graph.kept = run()  # type: ignore[attr-defined]
    return graph.replay


def _l2_flusher() -> Callable[[], object]:
    bytes_ = 2 * torch.cuda.get_device_properties("cuda").L2_cache_size
    buffer = torch.empty(max(bytes_, 1 << 26), dtype=torch.uint8, device="cuda")
    return buffer.zero_
