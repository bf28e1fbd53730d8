"""What `bench` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Times of one thing done many times, in seconds.

    Args:
        count: how often it was done.
        p25, p50, p75, p90, p95, p99: percentiles, linear between neighbours. Of few times the upper ones are the
            largest.
        mean: their mean.
    """

    count: int
    mean: float
    p25: float
    p50: float
    p75: float
    p90: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """What one stage took in one answer, on average over the answers.

    Args:
        name: `open` (containers and their tables), `demux`, `decode`, `sample` (frame times, and which frames make a
            clip), `transform`, `shots`, `text`, `assign`, `score` (what a scorer does around its stages), `pictures`,
            `copy` (host arrays into and out of an engine), `wait`, or that of a stage of the model; `other` is what
            stands in no span.
        thread: `"caller"`, or `"beside"` for what other threads do meanwhile.
        calls: how often in one answer.
        self_s: seconds in one answer, without the spans inside it. Those of the caller add up to the whole.
        call: of single calls, with what is inside them.
        flops: floating-point operations of one answer, by the graph; None where there is no graph to count.
        flops_per_s: the same in a second of `call`.
        of_roof: that as a share of what a plain matrix product reaches on this machine in the same precision.
        least_bytes: what one answer must move at least: the weights once a call, what goes in and what comes out.
        bytes_per_s: the same in a second of `call`.
        of_bandwidth: that as a share of what a plain copy reaches.
    """

    name: str
    thread: Literal["caller", "beside"]
    calls: float
    self_s: float
    call: Spread
    flops: float | None = None
    flops_per_s: float | None = None
    of_roof: float | None = None
    least_bytes: float | None = None
    bytes_per_s: float | None = None
    of_bandwidth: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roofs:
    """What this machine reaches in plain work.

    Args:
        flops_per_s: of a matrix product, by precision; a precision that it lacks is left out.
        bytes_per_s: read and written by a copy that no cache holds.
    """

    flops_per_s: dict[str, float]
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """A new process, from nothing to its first answer.

    Args:
        import_s: `import videobert`.
        load_s: `load`, with graphs that are compiled already; `first_load_s` the same with an empty cache, or None
            where that was not measured.
        first_answer_s: the first answer after `load`; the next ones are in `Bench.answer`.
        peak_memory_bytes: of the process, at most.
        peak_device_memory_bytes: of its GPU, at most, with what others took there meanwhile; None where the model runs
            on the CPU, or the driver does not tell.
    """

    import_s: float
    load_s: float
    first_load_s: float | None
    first_answer_s: float
    peak_memory_bytes: int
    peak_device_memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How steady the machine was: the same small work, done again and again between the answers.

    Args:
        spread: half the distance of its quartiles, over its median.
        others: share of all processors' time that other processes took meanwhile; None where the system does not tell.
        allowed: what either may be for a verdict.
        load: the machine's load average before it began.
        quiet: whether both are allowed.
        work_s: seconds that the small work took, by the median: how fast the machine was; None in results of earlier
            releases.
    """

    spread: float
    others: float | None
    allowed: float
    load: float
    quiet: bool
    work_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepPoint:
    """One setting of a sweep.

    Args:
        setting: e.g. `{"threads": 1}`. With a `batch` the backbone alone was asked, for so many clips.
        answer: see `Bench`; seconds for a whole batch.
        times_real_time: seconds of video in a second.
        same_answers: share of the answers that are those of the base setting; of features and of a batch their mean
            cosine. None where they cannot be compared, such as those of a film of another length.
        error: why it could not be measured; the other fields are then None.
        note: how the engine takes a batch; None of anything else.
    """

    setting: dict[str, Any]
    answer: Spread | None = None
    times_real_time: float | None = None
    same_answers: float | None = None
    error: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The result of `bench`.

    Args:
        model, engine, device, precision: see `Origin`.
        verb: what was asked.
        video: name, size, frame rate and length of the film.
        environment: processor, versions, date.
        answer: seconds from the call to the whole answer.
        first_result: seconds to the first segment of a stream.
        warm_up_s: seconds of the answers that were left out, each.
        times_real_time: seconds of video in a second, by the median answer.
        stages: where the time goes, those of the caller first.
        explained: the stages of the caller, without `other`, over the whole answer.
        roofs: None where they were not measured.
        cold: None where no new process was started.
        sweep: empty where nothing was swept.
        answers_s: every answer, in order.
    """

    model: str
    engine: str
    device: str
    precision: str
    verb: str
    video: dict[str, Any]
    environment: dict[str, Any]
    answer: Spread
    first_result: Spread
    warm_up_s: tuple[float, ...]
    times_real_time: float
    stages: tuple[StageTime, ...]
    explained: float
    noise: Noise
    roofs: Roofs | None = None
    cold: ColdStart | None = None
    sweep: tuple[SweepPoint, ...] = ()
    answers_s: tuple[float, ...] = field(default=(), repr=False)
