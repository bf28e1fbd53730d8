"""`plan`: the setting of a model that keeps within a latency and a memory at the least loss, found by measuring."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from videobert.base.arguments import local_path, number, one_of, whole
from videobert.base.errors import DeviceError, VideoBertError
from videobert.bench.agreement import same_time
from videobert.bench.noise import NoiseProbe
from videobert.bench.plan_settings import (
    command_of,
    fewer_decoding,
    larger_strides,
    python_of,
    settings,
    speed_of,
    words_of,
)
from videobert.bench.saved_results import segments_of
from videobert.bench.statistics import spread_of
from videobert.engines.selection import DEVICES, ENGINES
from videobert.model.folder import ModelFolder
from videobert.model.precision import PRECISIONS
from videobert.results.plan import Plan, PlanCandidate
from videobert.results.run import ReportSegment
from videobert.video.open import open_clips

_LONGEST_S: Final = 600
_MOST: Final = 1e9
# Agreements that differ by less are the same choice.
_SAME_LOSS: Final = 0.001
# Fewer threads that decode are chosen where they are so many times as fast: less could be noise.
_WORTH_FEWER: Final = 1.05
# What each limit is on, and the limit in words.
_LIMITS: Final = {
    "latency_ms": ("the latency", "latency up to {:g} ms"),
    "memory_mb": ("the memory", "memory up to {:g} MB"),
    "real_time": ("the speed", "{:g} x real time or more"),
    "least_agreement": ("the agreement", "agreement of {:.1%} or more"),
}
Told = Callable[[str], None]


def plan(
    name_or_folder: str | Path,
    video: str | Path,
    *,
    latency_ms: float | None = None,
    memory_mb: float | None = None,
    real_time: float = 1.0,
    least_agreement: float = 0.99,
    engines: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
    device: str = "auto",
    runs: int = 10,
    cache_dir: str | Path | None = None,
    on_step: Told | None = None,
) -> Plan:
    """Choose engine, precision, threads, batch and stride of a model by measuring each in a process of its own.

    Larger strides are tried only where no setting keeps up with the video otherwise, and fewer threads that decode only
    beside what is chosen.

    Args:
        name_or_folder: a model's name or folder.
        video: a short one of the kind that is to come.
        latency_ms: most milliseconds from one clip of pixels to its answer, in 95 of 100; None for any.
        memory_mb: most memory of the process, in units of 1,000,000 bytes; None for any.
        real_time: seconds of video that must be answered in a second; 0 for any.
        least_agreement: with fp32 at the model's own stride, 0 to 1: share of the time with the same answers.
        engines, precisions: what to try; None is every one that is installed and runs on `device`. Without fp32 the
            reference is the first of them that runs.
        device: see `load`.
        runs: clips that a latency is taken of, 5 or more.
        cache_dir: see `load`.
        on_step: hears what is being measured.

    Raises:
        DeviceError: nothing fits; the error says what is nearest. Or the reference cannot run.
        InputError: the video is missing or cannot be read, which is found before anything is measured.
        UsageError: a limit that is none.
    """
    told = on_step or (lambda doing: None)
    asked = {
        "latency_ms": None if latency_ms is None else _above_nought("latency_ms", latency_ms),
        "memory_mb": None if memory_mb is None else _above_nought("memory_mb", memory_mb),
        "real_time": _limit("real_time", real_time, least=0, most=_MOST, allowed="0 or more"),
        "least_agreement": _limit("least_agreement", least_agreement, least=0, most=1, allowed="0 to 1"),
    }
    runs = whole("runs", runs, least=5, most=10_000, allowed="5 or more", fix="Ask for more.")
    one_of("device", device, DEVICES)
    for engine in engines or ():
        one_of("engine", engine, ENGINES[1:])
    for precision in precisions or ():
        one_of("precision", precision, PRECISIONS[1:])
    folder, path = ModelFolder(name_or_folder), local_path("video", video)
    with open_clips(path, folder.recipe):
        pass  # else every setting would say what is wrong with the video
    measuring = _Measuring(str(name_or_folder), path, device, runs, cache_dir, asked)
    noise = NoiseProbe()
    tried: list[PlanCandidate] = []
    own = folder.recipe.stride
    refused: dict[tuple[str, str], PlanCandidate] = {}
    for setting in settings(engines, precisions, device, own):
        earlier = refused.get((setting.engine, setting.precision))
        if earlier is not None:
            # What cannot be loaded cannot be with other threads either.
            tried.append(dataclasses.replace(setting, why=earlier.why))
            continue
        told(words_of(setting))
        noise.look()
        tried.append(measuring.candidate(setting))
        if tried[-1].latency is None:
            refused[setting.engine, setting.precision] = tried[-1]
    if not any(each.fits for each in tried):
        for setting in larger_strides(tried, own, asked["real_time"] or 0.0):
            told(words_of(setting))
            noise.look()
            tried.append(measuring.candidate(setting))
    chosen = _choice(tried, asked)
    for setting in fewer_decoding(chosen, device):
        told(words_of(setting))
        noise.look()
        tried.append(measuring.candidate(setting))
    noise.look()
    chosen = _with_fewer(chosen, tried)
    candidates = tuple(each if each is chosen else _passed_over(each, chosen) for each in tried)
    return Plan(
        model=str(name_or_folder),
        video=path.name,
        asked=asked,
        chosen=chosen,
        loss=None if chosen.agreement is None else 1.0 - chosen.agreement,
        reference=measuring.reference_words,
        command=command_of(str(name_or_folder), path, chosen, device),
        python=python_of(str(name_or_folder), path, chosen, device),
        candidates=candidates,
        noise=noise.found(),
    )


class _Measuring:
    """Measures settings, each in a process of its own.

    The first that runs, which is in fp32 unless that was left out, is what answers are held to.
    """

    def __init__(
        self, model: str, video: Path, device: str, runs: int, cache_dir: str | Path | None, asked: Mapping[str, Any]
    ) -> None:
        self._model, self._video, self._device, self._runs, self._asked = model, video, device, runs, asked
        self._cache_dir = None if cache_dir is None else str(cache_dir)
        self._reference: tuple[ReportSegment, ...] | None = None
        self.reference_words = ""

    def candidate(self, setting: PlanCandidate) -> PlanCandidate:
        """The setting with what was measured, and whether it fits."""
        try:
            found = self._run(setting)
        except VideoBertError as error:
            return dataclasses.replace(setting, why=error.for_cli.rstrip("."))
        segments = segments_of(self._video, found["segments"])
        if self._reference is None:
            self._reference = segments
            self.reference_words = f"{setting.engine} in {setting.precision}, stride {setting.stride}"
        latency = spread_of(found["latencies_s"])
        measured = dataclasses.replace(
            setting,
            batch=found["batch"],
            latency=latency,
            times_real_time=found["video_s"] / found["answer_s"],
            peak_memory_bytes=found["peak_memory_bytes"],
            agreement=same_time(self._reference, segments),
        )
        broken = [words for words, over in _over(measured, self._asked) if over > 1]
        return dataclasses.replace(measured, fits=not broken, why="; ".join(broken) or None)

    def _run(self, setting: PlanCandidate) -> dict[str, Any]:
        options = {
            name: getattr(setting, name) for name in ("engine", "precision", "threads", "decoder_threads", "hint")
        }
        asked = {
            "model": self._model,
            "video": str(self._video),
            "stride": setting.stride,
            "runs": self._runs,
            "options": {**options, "device": self._device, "cache_dir": self._cache_dir},
        }
        command = [sys.executable, "-m", "videobert.bench.plan_child", json.dumps(asked)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise DeviceError(
                "this setting was too slow to be measured", seen=f"{_LONGEST_S} s", fix="Give a shorter video."
            ) from error
        if done.returncode:
            raise DeviceError(
                "a new process could not measure this setting",
                seen=done.stderr.strip().rsplit("\n", 1)[-1] or f"exit code {done.returncode}",
                fix="Run the verb by itself with it to see what is wrong.",
            )
        found: dict[str, Any] = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
        if "error" in found:
            raise DeviceError(found["error"])
        return found


def _with_fewer(chosen: PlanCandidate, tried: Sequence[PlanCandidate]) -> PlanCandidate:
    """The choice, or the same with fewer threads that decode, where it fits and is clearly faster so."""
    fewer = [each for each in tried if each.fits and each.decoder_threads is not None]
    best = max(fewer, key=speed_of, default=chosen)
    return best if speed_of(best) >= _WORTH_FEWER * speed_of(chosen) else chosen


def _over(each: PlanCandidate, asked: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Each limit in words, and how many times beyond it a setting is; 1 and less is within."""
    if asked["latency_ms"] is not None and each.latency is not None:
        took = 1000 * each.latency.p95
        yield f"latency {took:.3g} ms, above {asked['latency_ms']:g} ms", took / asked["latency_ms"]
    if asked["memory_mb"] is not None and each.peak_memory_bytes is not None:
        took = each.peak_memory_bytes / 1e6
        yield f"memory {took:.4g} MB, above {asked['memory_mb']:g} MB", took / asked["memory_mb"]
    if asked["real_time"] and each.times_real_time is not None:
        speed = each.times_real_time
        yield f"{speed:.3g} x real time, below {asked['real_time']:g}", asked["real_time"] / max(speed, 1e-9)
    if each.agreement is not None and asked["least_agreement"]:
        least = asked["least_agreement"]
        yield f"agreement {each.agreement:.1%}, below {least:.1%}", least / max(each.agreement, 1e-9)


def _choice(tried: Sequence[PlanCandidate], asked: Mapping[str, Any]) -> PlanCandidate:
    fitting = [each for each in tried if each.fits]
    if fitting:
        return min(fitting, key=_worth)
    measured = [each for each in tried if each.latency is not None]
    if not measured:
        raise DeviceError(
            "no setting of this model can run here",
            seen="; ".join(dict.fromkeys(each.why or "" for each in tried)),
            fix="Try one by itself with `videobert run`.",
        )
    nearest = min(measured, key=lambda each: max((over for _, over in _over(each, asked)), default=1.0))
    limits = ", ".join(_LIMITS[name][1].format(value) for name, value in asked.items() if value)
    raise DeviceError(
        "no setting of this model keeps within these limits here",
        seen=f"nearest: {words_of(nearest)}: {nearest.why}",
        allowed=limits,
        fix="Loosen what the nearest one breaks, choose a smaller model, or a faster machine.",
    )


def _worth(each: PlanCandidate) -> tuple[int, float]:
    """The least loss first; of the same loss the fastest."""
    loss = 0.0 if each.agreement is None else 1.0 - each.agreement
    return round(loss / _SAME_LOSS), -speed_of(each)


def _passed_over(each: PlanCandidate, chosen: PlanCandidate) -> PlanCandidate:
    if not each.fits:
        return each
    if _worth(each)[0] > _worth(chosen)[0]:
        why = f"fits, but agrees in {each.agreement:.1%} only"
    elif speed_of(each) > speed_of(chosen):
        why = f"fits, but is hardly faster: {each.times_real_time:.3g} x real time"
    else:
        why = f"fits, but is slower: {each.times_real_time:.3g} x real time"
    return dataclasses.replace(each, why=why)


def _above_nought(name: str, value: float) -> float:
    return _limit(name, value, least=1e-6, most=_MOST, allowed="above 0")


def _limit(name: str, value: float, *, least: float, most: float, allowed: str) -> float:
    return number(
        _LIMITS[name][0],
        value,
        least=least,
        most=most,
        allowed=allowed,
        fix=f"Choose another {name}.",
        fix_cli=f"Choose another --{name.replace('_', '-')}.",
    )
