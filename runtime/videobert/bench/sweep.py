"""The same case at other settings, one after the other."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from videobert.base.errors import UsageError, VideoBertError
from videobert.bench.agreement import agreement
from videobert.bench.measure import Case, Told
from videobert.bench.statistics import spread_of
from videobert.results.bench import SweepPoint
from videobert.runtime import load

# What can be swept: those of `load`, and those of a verb.
OF_LOAD: Final = ("threads", "engine", "precision", "hint")
OF_VERB: Final = ("stride",)
_NUMBERS: Final = ("threads", "stride")
_MOST_POINTS = 32


def parse_sweep(asked: Sequence[str]) -> dict[str, list[Any]]:
    """`["threads=1,2", "precision=bf16,fp32"]` as names and values.

    Raises:
        UsageError: something that cannot be swept, or nothing to sweep it over.
    """
    found: dict[str, list[Any]] = {}
    for each in asked:
        name, equals, values = each.partition("=")
        words = [word.strip() for word in values.split(",") if word.strip()]
        if not equals or not words or name not in (*OF_LOAD, *OF_VERB):
            raise UsageError(
                "a sweep needs a name and values",
                seen=each,
                allowed=f"NAME=VALUE,VALUE with a name of {', '.join((*OF_LOAD, *OF_VERB))}",
                fix="For example --sweep threads=1,2.",
            )
        try:
            found[name] = [int(word) if name in _NUMBERS else word for word in words]
        except ValueError as error:
            raise UsageError(f"{name} is a number", seen=values, fix=f"For example --sweep {name}=1,2.") from error
    if len(list(_settings(found))) > _MOST_POINTS:
        raise UsageError(
            "these are too many settings", allowed=f"up to {_MOST_POINTS} together", fix="Leave some values out."
        )
    return found


def sweep(
    model: str | Path,
    case: Case,
    options: Mapping[str, Any],
    values: Mapping[str, Sequence[Any]],
    *,
    seconds: float,
    told: Told,
) -> Iterator[SweepPoint]:
    """Each setting, as it is measured; one that cannot run says why, and the rest goes on.

    Args:
        model, options: what `load` takes; each setting replaces some of it.
        values: see `parse_sweep`.
        seconds: length of the video.
    """
    with load(model, **options) as base:
        reference = case.ask(base)
        for setting in _settings(values):
            told(", ".join(f"{name} {value}" for name, value in setting.items()))
            try:
                yield _point(model, case, options, setting, reference, seconds)
            except VideoBertError as error:
                yield SweepPoint(setting=setting, error=str(error))


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
    with load(model, **{**options, **{k: v for k, v in setting.items() if k in OF_LOAD}}) as other:
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
