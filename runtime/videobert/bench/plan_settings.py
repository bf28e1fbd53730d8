"""The settings of a model that `plan` tries, how they are told, and how they are used."""

from __future__ import annotations

import importlib.util
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from videobert.base.cpu_threads import thread_limit
from videobert.model.precision import PRECISIONS
from videobert.model.recipe import STRIDES
from videobert.results.plan import PlanCandidate
from videobert.video.decoders.decoder_threads import most_decoder_threads

_REFERENCE_PRECISION: Final = "fp32"


def settings(
    engines: Sequence[str] | None, precisions: Sequence[str] | None, device: str, stride: int
) -> Iterator[PlanCandidate]:
    """What is tried at first: fp32 before the rest, since it is the reference."""
    on_gpu = device == "cuda"
    names = engines or [name for name in (("tensorrt", "torch") if on_gpu else ("openvino", "torch")) if _there(name)]
    # What a caller does not limit is read beside the model.
    ways_on_cpu: list[tuple[int | None, str]] = [(None, "latency")]
    if thread_limit() != 1:
        ways_on_cpu += [(1, "latency"), (None, "throughput")]
    for engine in names:
        for precision in sorted(precisions or PRECISIONS[1:], key=lambda each: each != _REFERENCE_PRECISION):
            ways = ways_on_cpu if engine == "openvino" and not on_gpu else [(None, "latency")]
            for threads, hint in ways:
                yield PlanCandidate(engine=engine, precision=precision, threads=threads, hint=hint, stride=stride)


def _there(engine: str) -> bool:
    return engine == "tensorrt" or importlib.util.find_spec(engine) is not None


def larger_strides(tried: Sequence[PlanCandidate], own: int, real_time: float) -> Iterator[PlanCandidate]:
    """The two fastest settings with larger strides, where it is speed that none has enough of."""
    slow = [each for each in tried if each.times_real_time is not None and each.times_real_time < real_time]
    slow.sort(key=speed_of, reverse=True)
    for each in slow[:2]:
        for stride in STRIDES:
            if stride > own:
                yield _like(each, stride=stride)


def fewer_decoding(chosen: PlanCandidate, device: str) -> Iterator[PlanCandidate]:
    """A setting with half of the threads that decode in it, a quarter and so on, where they are not limited anyhow."""
    limited = chosen.threads is not None or device == "cuda"
    number = 1 if limited else most_decoder_threads(thread_limit())
    while number > 1:
        number //= 2
        yield _like(chosen, decoder_threads=number)


def speed_of(each: PlanCandidate) -> float:
    """Seconds of video in a second; 0 where it was not measured."""
    return each.times_real_time or 0.0


def words_of(each: PlanCandidate) -> str:
    """A setting in words."""
    threads = "" if each.threads is None else f", {each.threads} {'thread' if each.threads == 1 else 'threads'}"
    threads += "" if each.decoder_threads is None else f", {each.decoder_threads} decoding"
    return f"{each.engine} in {each.precision}{threads}, {each.hint}, stride {each.stride}"


def _like(each: PlanCandidate, **changes: Any) -> PlanCandidate:
    """A setting that is yet to be measured, much like another."""
    same = {name: getattr(each, name) for name in ("engine", "precision", "threads", "hint", "stride")}
    return PlanCandidate(**{**same, **changes})


def _load_options(each: PlanCandidate, device: str) -> dict[str, Any]:
    told: dict[str, Any] = {"engine": each.engine, "precision": each.precision, "hint": each.hint}
    told |= {name: number for name in ("threads", "decoder_threads") if (number := getattr(each, name)) is not None}
    return told | ({} if device == "auto" else {"device": device})


def command_of(model: str, video: Path, each: PlanCandidate, device: str) -> str:
    """What is typed to use it."""
    words = [
        word
        for name, value in _load_options(each, device).items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    return shlex.join(["videobert", "run", str(video), "--model", model, *words, "--stride", str(each.stride)])


def python_of(model: str, video: Path, each: PlanCandidate, device: str) -> str:
    """What is called to use it."""
    options = ", ".join(f"{name}={value!r}" for name, value in _load_options(each, device).items())
    return f"videobert.load({model!r}, {options}).run({str(video)!r}, stride={each.stride})"
