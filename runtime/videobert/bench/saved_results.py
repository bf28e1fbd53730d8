"""Results that verbs wrote as JSON, and token files, read to be compared. They are not trusted."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from videobert.base.arguments import described
from videobert.base.errors import InputError
from videobert.results.candidate import Candidate
from videobert.results.compare import Side
from videobert.results.run import ReportSegment
from videobert.visual.token_file import SUFFIX
from videobert.visual.tokens import VisualTokens

_MOST_BYTES: Final = 256 << 20
_MOST_ITEMS: Final = 10_000_000
_FIX: Final = "Save one with `--json` of `bench`, `run` or `tokens`, or `--out` of `bench` or `tokens`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a file holds, as far as it can be compared.

    Args:
        side: where it comes from.
        kind: `"bench"`, `"run"` or `"tokens"`.
        answers_s: of `bench`: seconds of each answer.
        work_s: of `bench`: seconds of the probe's small work; None in files of earlier releases.
        quiet: of `bench`: whether the machine was.
        about: of `bench`: verb, film and processor, equal where times are compared; empty if not known.
        segments: of `run`.
        tokens: ids; of `run` those of all segments.
    """

    side: Side
    kind: str
    answers_s: tuple[float, ...] = ()
    work_s: float | None = None
    quiet: bool = True
    about: tuple[tuple[str, str], ...] = ()
    segments: tuple[ReportSegment, ...] = ()
    tokens: tuple[int, ...] = ()


def read_saved(path: Path) -> Saved:
    """Read a file.

    Raises:
        InputError: it cannot be read, is too large, or no such result.
    """
    if path.suffix == SUFFIX:
        tokens = VisualTokens.load(path)
        side = Side(name=str(path), model=tokens.model, engine=tokens.engine, precision=tokens.precision)
        return Saved(side=side, kind="tokens", tokens=tuple(int(each) for each in tokens.ids))
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        seen = f"{path} ({error.strerror or error})"
        raise InputError("a saved result cannot be read", seen=seen, fix="Check the path.") from error
    if len(content) > _MOST_BYTES:
        raise InputError(
            "a saved result is too large", seen=str(path), allowed=f"{_MOST_BYTES} bytes", fix="Compare shorter videos."
        )
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError("a saved result is not JSON", seen=str(path), fix=_FIX) from error
    if not isinstance(found, dict):
        raise _wrong(path, found)
    if "answers_s" in found:
        return saved_bench(path, found)
    if "segments" in found:
        return _run(path, found)
    if "ids" in found:
        ids = _whole_numbers(path, found["ids"])
        return Saved(side=_side(path, found), kind="tokens", tokens=ids)
    raise _wrong(path, sorted(found)[:8])


def saved_bench(path: Path, found: dict[str, Any]) -> Saved:
    """What the JSON of a `Bench` says of times.

    Args:
        path: where it comes from, for the error.

    Raises:
        InputError: it is none.
    """
    answers = found["answers_s"]
    if not isinstance(answers, list) or not 0 < len(answers) <= _MOST_ITEMS or not all(map(_is_time, answers)):
        raise _wrong(path, answers)
    noise, environment, video = (_object(path, found.get(name)) for name in ("noise", "environment", "video"))
    work: Any = noise.get("work_s")
    about = {
        "verb": found.get("verb"),
        "film": f"{video.get('name')}, {video.get('seconds')} s",
        "processor": f"{environment.get('cpu')}, {environment.get('cores')} cores",
        # Several families go by one name; files of earlier releases do not tell.
        "family of the processor": environment.get("cpu_family_model_stepping") or "",
    }
    side = Side(
        name=str(path),
        **{name: _text(found.get(name)) for name in ("model", "engine", "device", "precision")},
        date=_text(environment.get("date")),
    )
    return Saved(
        side=side,
        kind="bench",
        answers_s=tuple(float(each) for each in answers),
        work_s=float(work) if _is_time(work) else None,
        quiet=noise.get("quiet") is True,
        about=tuple((name, str(value)) for name, value in about.items()),
    )


def _run(path: Path, found: dict[str, Any]) -> Saved:
    segments = segments_of(path, found["segments"])
    tokens = tuple(token for segment in segments for token in segment.tokens)
    return Saved(side=_side(path, found), kind="run", segments=segments, tokens=tokens)


def segments_of(path: Path, rows: object) -> tuple[ReportSegment, ...]:
    """The segments of a report, of its JSON; scores are left out.

    Args:
        path: where it comes from, for the error.

    Raises:
        InputError: these are none.
    """
    if not isinstance(rows, list) or len(rows) > _MOST_ITEMS:
        raise _wrong(path, rows)
    return tuple(_segment(path, row) for row in rows)


def _segment(path: Path, row: object) -> ReportSegment:
    fields = _object(path, row)
    start_s, end_s = fields.get("start_s"), fields.get("end_s")
    unsure = fields.get("unsure", [])
    if not _is_number(start_s) or not _is_number(end_s) or not isinstance(unsure, list):
        raise _wrong(path, row)
    answers = {}
    for name, candidates in _object(path, fields.get("answers", {})).items():
        texts = [_object(path, each).get("text") for each in candidates] if isinstance(candidates, list) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise _wrong(path, candidates)
        answers[name] = tuple(Candidate(text=str(text), id=None, score=0.0) for text in texts)
    return ReportSegment(
        start_s=float(start_s),  # type: ignore[arg-type]
        end_s=float(end_s),  # type: ignore[arg-type]
        answers=answers,
        tokens=_whole_numbers(path, fields.get("tokens", [])),
        percentile=None,
        unsure=tuple(map(str, unsure)),
    )


def _side(path: Path, found: dict[str, Any]) -> Side:
    origin = found.get("origin")
    told = origin if isinstance(origin, dict) else found
    names = ("model", "weights", "engine", "device", "precision", "fallback")
    return Side(name=str(path), **{name: _text(told.get(name)) for name in names})


def _object(path: Path, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong(path, value)
    return value


def _whole_numbers(path: Path, value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > _MOST_ITEMS or not all(type(each) is int for each in value):
        raise _wrong(path, value)
    return tuple(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_time(value: object) -> bool:
    return _is_number(value) and bool(np.asarray(value, np.float64) > 0)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _wrong(path: Path, seen: object) -> InputError:
    return InputError("this file is no result that can be compared", seen=f"{path}: {described(seen)}", fix=_FIX)
