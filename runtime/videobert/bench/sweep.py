"""The same case at other settings, one after the other."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from videobert.base.arguments import one_of, whole
from videobert.base.errors import UsageError, VideoBertError
from videobert.bench.agreement import agreement
from videobert.bench.clip_batches import ClipBatches
from videobert.bench.measure import Case, Told
from videobert.bench.statistics import spread_of
from videobert.engines.base import HINTS
from videobert.engines.selection import ENGINES
from videobert.model.precision import PRECISIONS
from videobert.model.recipe import STRIDES
from videobert.results.bench import SweepPoint
from videobert.runtime import load
from videobert.video.decoders.decoder_threads import MEASURED, MOST_THREADS

# What can be swept: those of `load`; those of a verb; seconds of the film; clips that the backbone is given together.
_OF_ENGINE: Final = ("threads", "engine", "precision", "hint")
OF_LOAD: Final = (*_OF_ENGINE, "decoder_threads")
OF_VERB: Final = ("stride",)
LENGTH: Final = "length"
BATCH: Final = "batch"
NAMES: Final = (*OF_LOAD, *OF_VERB, LENGTH, BATCH)
_NUMBERS: Final = ("threads", "decoder_threads", "stride", LENGTH, BATCH)
# Of `threads` there is no most.
_MOST: Final = {LENGTH: 3600, BATCH: 64, "decoder_threads": MOST_THREADS, "stride": STRIDES[-1]}
_WORDS: Final = {"engine": ENGINES, "precision": PRECISIONS, "hint": HINTS}
_MOST_POINTS = 32


def parse_sweep(asked: Sequence[str]) -> dict[str, list[Any]]:
    """`["threads=1,2", "precision=bf16,fp32"]` as names and values.

    Raises:
        UsageError: something that cannot be swept, or not together, nothing to sweep it over, or a value that it can
            have on no machine.
    """
    found: dict[str, list[Any]] = {}
    for each in asked:
        name, equals, values = each.partition("=")
        words = [word.strip() for word in values.split(",") if word.strip()]
        if not equals or not words or name not in NAMES:
            raise UsageError(
                "a sweep needs a name and values",
                seen=each,
                allowed=f"NAME=VALUE,VALUE with a name of {', '.join(NAMES)}",
                fix="For example --sweep threads=1,2.",
            )
        found[name] = [_value(name, word) for word in words]
    beside = [name for name in found if name not in (*_OF_ENGINE, BATCH)]
    if BATCH in found and beside:
        raise UsageError(
            "a batch is of the backbone alone",
            seen=f"{BATCH} with {', '.join(beside)}",
            allowed=f"{BATCH} with {', '.join(_OF_ENGINE)}",
            fix="Sweep them one after the other.",
        )
    if len(list(_settings(found))) > _MOST_POINTS:
        raise UsageError(
            "these are too many settings", allowed=f"up to {_MOST_POINTS} together", fix="Leave some values out."
        )
    return found


def _value(name: str, word: str) -> Any:
    """What a word stands for, which some machine can have; whether this one can is told when it is measured."""
    if name in _WORDS:
        words = _WORDS[name]
        return one_of(f"{name} in --sweep", word, words, fix=f"For example --sweep {name}={words[0]},{words[1]}.")
    if name == "decoder_threads" and word == MEASURED:
        raise UsageError(
            "a sweep over decoder_threads compares numbers",
            seen=word,
            allowed=f"1 to {MOST_THREADS}",
            fix=f'Leave it out: `load(decoder_threads="{MEASURED}")` finds the number that is fastest here.',
            fix_cli=f"Leave it out: --decoder-threads {MEASURED} finds the number that is fastest here.",
        )
    fix = f"For example --sweep {name}=1,2."
    try:
        value = int(word)
    except ValueError as error:
        raise UsageError(f"{name} in --sweep is a number", seen=word, fix=fix) from error
    most = _MOST.get(name, math.inf)
    allowed = "1 or more" if most == math.inf else f"1 to {most}"
    return whole(f"{name} in --sweep", value, least=1, most=most, allowed=allowed, fix=fix)


def sweep(
    model: str | Path,
    case: Case,
    options: Mapping[str, Any],
    values: Mapping[str, Sequence[Any]],
    *,
    seconds: float,
    film_of: Callable[[int], Path],
    told: Told,
) -> Iterator[SweepPoint]:
    """Each setting, as it is measured; one that cannot run says why, and the rest goes on.

    Args:
        model, options: what `load` takes; each setting replaces some of it.
        values: see `parse_sweep`.
        seconds: length of the video.
        film_of: the video in a length of so many seconds.
    """
    with ExitStack() as stack:
        if BATCH in values:
            limits, track = options.get("limits"), case.reading.get("track")
            batches = ClipBatches(model, options, case.video, max(values[BATCH]), track=track, limits=limits)
        elif LENGTH not in values:
            reference = case.ask(stack.enter_context(load(model, **options)))
        for setting in _settings(values):
            told(", ".join(f"{name} {value}" for name, value in setting.items()))
            with_setting = {**options, **{name: value for name, value in setting.items() if name in OF_LOAD}}
            try:
                if BATCH in setting:
                    yield batches.point(with_setting, setting, case.runs)
                elif LENGTH in setting:
                    film = film_of(setting[LENGTH])
                    yield _point(model, replace(case, video=film), with_setting, setting, None, setting[LENGTH])
                else:
                    yield _point(model, case, with_setting, setting, reference, seconds)
            except VideoBertError as error:
                yield SweepPoint(setting=setting, error=error.for_cli)


def _settings(values: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for row in itertools.product(*values.values()) if values else ():
        yield dict(zip(values, row, strict=True))


def _point(
    model: str | Path,
    case: Case,
    options: Mapping[str, Any],
    setting: Mapping[str, Any],
    reference: Any,
    seconds: float,
) -> SweepPoint:
    asked = replace(case, reading={**case.reading, **{k: v for k, v in setting.items() if k in OF_VERB}})
    with load(model, **options) as other:
        answer = asked.ask(other)
        times = [_timed(lambda: asked.ask(other)) for _ in range(case.runs)]
    spread = spread_of(times)
    return SweepPoint(
        setting=dict(setting),
        answer=spread,
        same_answers=agreement(reference, answer),
        times_real_time=seconds / spread.p50,
    )


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
