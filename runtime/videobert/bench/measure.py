"""A model on a video, answered again and again while everything is watched."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from videobert.base.spans import Recording, Span, recorded, span
from videobert.bench.environment import environment
from videobert.bench.graph_cost import costs_of
from videobert.bench.noise import NoiseProbe
from videobert.bench.roofs import roofs_of_cpu
from videobert.bench.stages import ANSWER, stage_times
from videobert.bench.statistics import spread_of
from videobert.model.folder import ModelFolder
from videobert.results.bench import Bench, Roofs
from videobert.runtime import Runtime
from videobert.video.open import open_clips

# The verbs that need no more than a video.
VERBS: Final = ("run", "tokens", "features", "embed")
_MOST_WARM_UPS = 5
_STEADY = 0.1
Told = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is asked, and how often.

    Args:
        verb: one of `VERBS`.
        video: a file.
        runs: answers that count, at least 3.
        reading: arguments of the verb, such as `stride`.
    """

    verb: str
    video: Path
    runs: int
    reading: Mapping[str, Any]

    def ask(self, model: Runtime) -> Any:
        """One answer."""
        return getattr(model, self.verb)(self.video, **self.reading)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A result, and the spans that it was made of."""

    bench: Bench
    spans: tuple[Span, ...]


def measure(
    model: Runtime, folder: ModelFolder, case: Case, *, with_roofs: bool, told: Told, recording: Recording | None = None
) -> Measured:
    """Warm up until the answers take the same time, then measure.

    Args:
        model: opened on `folder`.
        with_roofs: measure what the machine reaches in plain work, too; a second or two.
        told: hears what is being done.
        recording: keeps the spans; see `videobert.bench.ranges` for one that a profiler sees.
    """
    noise = NoiseProbe()
    told("warm-up")
    warm_up = _warm_up(model, case)
    told(f"{case.runs} answers")
    answers, kept = [], recording or Recording()
    with recorded(kept):
        for _ in range(case.runs):
            noise.look()
            began = time.perf_counter()
            with span(ANSWER):
                case.ask(model)
            answers.append(time.perf_counter() - began)
        noise.look()
    spans = tuple(kept.spans)
    told("first results")
    first = [_first_result(model, case) for _ in range(min(case.runs, 5))]
    found = noise.found()
    roofs: Roofs | None = None
    origin = model.origin
    if with_roofs and origin.device == "CPU":
        told("what the machine reaches in plain work")
        roofs = roofs_of_cpu()
    calls = [(each.name, each.shapes) for each in spans]
    stages, explained = stage_times(spans, costs_of(folder, calls, origin.precision), roofs, origin.precision)
    times = spread_of(answers)
    video = _video(case, model)
    bench = Bench(
        model=origin.model,
        engine=origin.engine,
        device=origin.device,
        precision=origin.precision,
        verb=case.verb,
        video=video,
        environment=environment(),
        answer=times,
        first_result=spread_of(first),
        warm_up_s=tuple(warm_up),
        times_real_time=video["seconds"] / times.p50,
        stages=stages,
        explained=explained,
        noise=found,
        roofs=roofs,
        answers_s=tuple(answers),
    )
    return Measured(bench=bench, spans=spans)


def _warm_up(model: Runtime, case: Case) -> list[float]:
    times: list[float] = []
    while len(times) < _MOST_WARM_UPS and (len(times) < 2 or times[-2] > times[-1] * (1 + _STEADY)):
        began = time.perf_counter()
        case.ask(model)
        times.append(time.perf_counter() - began)
    return times


def _first_result(model: Runtime, case: Case) -> float:
    began = time.perf_counter()
    with closing(model.stream(case.video, **case.reading)) as stream:
        next(stream)
        return time.perf_counter() - began


def _video(case: Case, model: Runtime) -> dict[str, Any]:
    with open_clips(case.video, model.recipe) as clips:
        info = clips.info
        seconds = info.duration_s
        if not seconds:
            deque(clips, maxlen=0)
            seconds = (clips.info.end_s or 0.0) - clips.info.start_s
    name = case.video.name
    return {"name": name, "seconds": seconds, "width": info.width, "height": info.height, "fps": info.fps}
