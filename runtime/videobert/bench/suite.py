"""All that `bench` measures of one model on one film."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from videobert.bench.cold import cold_start
from videobert.bench.film import made_film
from videobert.bench.film_length import film_of_length
from videobert.bench.measure import Case, Measured, Told, measure
from videobert.bench.ranges import recording_for
from videobert.bench.sweep import sweep
from videobert.model.folder import ModelFolder
from videobert.runtime import load

_NOT_FOR_A_NEW_PROCESS = ("limits", "cache_dir")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be measured.

    Args:
        model, options: what `load` takes.
        video: a file, or a made film's size such as `"854x480x20"`.
        verb, runs, reading: see `Case`.
        sweep: see `parse_sweep`.
        cold: whether new processes are started.
        roofs: whether the machine is measured in plain work.
    """

    model: str
    options: Mapping[str, Any]
    video: Path | str
    verb: str = "run"
    runs: int = 10
    reading: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    sweep: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)
    cold: bool = True
    roofs: bool = True


def bench_model(asked: Asked, told: Told) -> Measured:
    """Measure everything that is asked for.

    Args:
        told: hears what is being done.

    Raises:
        UsageError: no size of a film.
        VideoBertError: the model cannot be loaded, or the video not be read.
    """
    with tempfile.TemporaryDirectory(prefix="videobert-bench-") as scratch:
        path = made_film(asked.video, Path(scratch), told) if isinstance(asked.video, str) else asked.video
        case = Case(verb=asked.verb, video=path, runs=asked.runs, reading=asked.reading)
        with _loaded(asked, told) as model:
            measured = measure(
                model,
                ModelFolder(asked.model),
                case,
                with_roofs=asked.roofs,
                told=told,
                recording=recording_for(model.origin.device),
            )
        result = measured.bench
        if asked.sweep:
            seconds = result.video["seconds"]
            film_of = partial(
                film_of_length,
                asked.video,
                folder=Path(scratch),
                track=asked.reading.get("track"),
                limits=asked.options.get("limits"),
                told=told,
            )
            points = tuple(
                sweep(asked.model, case, asked.options, asked.sweep, seconds=seconds, film_of=film_of, told=told)
            )
            result = dataclasses.replace(result, sweep=points)
        if asked.cold:
            told("new processes")
            plain = {name: value for name, value in asked.options.items() if name not in _NOT_FOR_A_NEW_PROCESS}
            cache = Path(scratch) / "cache"
            found = cold_start(
                asked.model,
                path,
                asked.verb,
                options=plain,
                reading=asked.reading,
                scratch=cache,
                on_gpu=result.device != "CPU",
            )
            result = dataclasses.replace(result, cold=found)
    return dataclasses.replace(measured, bench=result)


@contextmanager
def _loaded(asked: Asked, told: Told) -> Iterator[Any]:
    told(f"loading {asked.model}")
    with load(asked.model, **asked.options) as model:
        yield model
