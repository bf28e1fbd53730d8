"""What is said of a `Bench`, in words: the same on a terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from videobert.report.times import elapsed
from videobert.results.bench import Bench, Noise, Spread, SweepPoint

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
STAGE_WORDS = (
    "own time: all calls of one answer, without the stages inside them; percentiles and rates: single calls, with the "
    "stages inside them"
)


def amount(value: float, unit: str) -> str:
    """A number with three digits and a prefix: `0.33 TFLOP/s` is `330 GFLOP/s`."""
    for size, prefix in _UNITS:
        if value >= size:
            return f"{value / size:.3g} {prefix}{unit}"
    return f"{value:.3g} {unit}"


def noise_words(noise: Noise) -> str:
    """Whether the figures can be trusted, in one sentence."""
    others = "" if noise.others is None else f" and other processes took {noise.others:.0%} of the processors"
    told = f"the same small work took within {noise.spread:.1%} of the same time{others}"
    if noise.quiet:
        return f"quiet machine: {told}"
    return f"noisy machine: {told}, where {noise.allowed:.0%} is allowed: these figures decide nothing"


def spread_words(spread: Spread) -> str:
    """A median with its quartiles."""
    return f"{elapsed(spread.p50)} ({elapsed(spread.p25)} to {elapsed(spread.p75)})"


def facts(bench: Bench) -> Iterator[tuple[str, str]]:
    """What is known beside the stages: a name, and what is said of it."""
    video = bench.video
    size = f"{video['width']}x{video['height']}"
    rate = f", {video['fps']:.3g} frames a second" if video.get("fps") else ""
    yield "film", f"{video['name']}, {video['seconds']:.1f} s of {size}{rate}"
    yield "asked", f"{bench.verb} by {bench.model} on {bench.engine}, {bench.device}, {bench.precision}"
    yield "answer", f"{spread_words(bench.answer)}, {bench.times_real_time:.1f} x real time"
    tail = bench.answer
    yield "tail", f"p90 {elapsed(tail.p90)}, p95 {elapsed(tail.p95)}, p99 {elapsed(tail.p99)} of {tail.count} answers"
    yield "first result", spread_words(bench.first_result)
    warm = ", ".join(map(elapsed, bench.warm_up_s))
    yield "warm-up", f"{len(bench.warm_up_s)} answers left out: {warm}"
    if bench.cold is not None:
        cold = bench.cold
        first = "" if cold.first_load_s is None else f" ({elapsed(cold.first_load_s)} with nothing compiled yet)"
        yield (
            "new process",
            (
                f"import {elapsed(cold.import_s)}, load {elapsed(cold.load_s)}{first}, "
                f"first answer {elapsed(cold.first_answer_s)}"
            ),
        )
        yield "peak memory", amount(cold.peak_memory_bytes, "B")
        yield "peak GPU memory", _of_gpu(bench.device, cold.peak_device_memory_bytes)
    if bench.roofs is not None:
        products = ", ".join(f"{name} {amount(value, 'FLOP/s')}" for name, value in bench.roofs.flops_per_s.items())
        yield "machine", f"{products}; copies {amount(bench.roofs.bytes_per_s, 'B/s')}"
    yield "explained", f"{bench.explained:.1%} of an answer stands in the stages of the caller"


def _of_gpu(device: str, peak_bytes: int | None) -> str:
    if device == "CPU":
        return "none: the model runs on the CPU"
    return "not known: the driver does not tell" if peak_bytes is None else amount(peak_bytes, "B")


def setting_words(point: SweepPoint) -> str:
    """The setting of a point of a sweep, and what is to be known of it."""
    said = ", ".join(f"{name} {value}" for name, value in point.setting.items())
    return said if point.note is None else f"{said} ({point.note})"


def failure_words(points: Iterable[SweepPoint]) -> Iterator[str]:
    """A sentence for each point of a sweep that could not be measured."""
    for point in points:
        if point.error is not None:
            yield f"{setting_words(point)} could not be measured: {point.error}"
