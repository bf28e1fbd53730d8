"""What `plan` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videobert.results.bench import Noise, Spread


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCandidate:
    """One setting, measured in a process of its own.

    Args:
        engine, precision, threads, decoder_threads, hint: what `load` takes.
        stride: what a verb takes.
        batch: clips that the engine works on at once.
        latency: seconds from one clip of pixels to its whole answer, the model warm.
        times_real_time: seconds of the video in a second, file to answer.
        peak_memory_bytes: of the process, at most.
        agreement: with the reference, 0 to 1; None where answers cannot be compared.
        fits: whether it keeps everything that was asked.
        why: what it does not keep, or why another was taken; None of the choice.
    """

    engine: str
    precision: str
    threads: int | None
    hint: str
    stride: int
    decoder_threads: int | None = None
    batch: int | None = None
    latency: Spread | None = None
    times_real_time: float | None = None
    peak_memory_bytes: int | None = None
    agreement: float | None = None
    fits: bool = False
    why: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The setting that fits, and what it costs.

    Args:
        model: as it was given.
        video: name of the file.
        asked: the limits: `latency_ms`, `memory_mb`, `real_time`, `least_agreement`.
        chosen: the one of those that fit with the least loss in agreement, and of equal ones the fastest.
        loss: of agreement with the reference, 0 to 1; None where answers cannot be compared.
        reference: what answers were compared with, in words.
        command, python: how to use it.
        candidates: everything that was tried, the choice among it.
        noise: of the machine meanwhile; where it was not quiet, times may be shorter on an idle machine.
    """

    model: str
    video: str
    asked: dict[str, Any]
    chosen: PlanCandidate
    loss: float | None
    reference: str
    command: str
    python: str
    candidates: tuple[PlanCandidate, ...]
    noise: Noise
