"""Labelled stretches from a JSONL file: one JSON object a line.

`{"video": "films/a.mp4", "start": 3.0, "end": 4.5, "labels": {"sport": "archery"}}`; times are seconds and optional,
a video is named relative to the file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from videobert.base.errors import InputError, LimitExceeded
from videobert_modeling.learn.data.problems import Problems
from videobert_modeling.learn.data.stretch import LABEL_RULE, QUESTION_RULE, Stretch, is_label, is_question

MOST_LINES = 1_000_000
MOST_LINE_BYTES = 1 << 16
_HEAD_BYTES = 4096
_FIELDS = ("video", "start", "end", "labels")
_EXAMPLE = '{"video": "a.mp4", "start": 0, "end": 3.5, "labels": {"sport": "archery"}}'
_FIX = f"Correct these lines; one is, for example, {_EXAMPLE}."


def read_jsonl(path: Path) -> tuple[Stretch, ...]:
    """The stretches of a file, in order; empty lines are passed over.

    Raises:
        InputError: the file cannot be read or holds nothing, or lines of it are wrong: the first few are named, each
            with its number.
        LimitExceeded: more than `MOST_LINES` lines, or a line of more than `MOST_LINE_BYTES` bytes.
    """
    problems = Problems(path.name)
    known: set[Path] = set()
    stretches = []
    for number, line in _lines(path):
        where = f"line {number}"
        before = len(problems)
        fields = _object(line, where, problems)
        if fields is None:
            continue
        stretch = _stretch(fields, path.absolute().parent, where, problems, known)
        if stretch is not None and len(problems) == before:
            stretches.append(stretch)
    problems.raise_any(_FIX)
    if not stretches:
        raise InputError(
            "there is nothing to learn from in this file", seen=str(path), fix=f"Write one line a stretch: {_EXAMPLE}."
        )
    return tuple(stretches)


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with path.open("rb") as file:
            if b"\0" in file.peek(_HEAD_BYTES)[:_HEAD_BYTES]:
                # Such as a video: each of its thousands of lines would be told as one that is no JSON.
                raise InputError(
                    f"{path.name} is no list of stretches, a .jsonl file, and no folder of videos",
                    seen=str(path),
                    allowed="a .jsonl file, or a folder with one folder of videos for each label",
                    fix=f"Write a .jsonl file with one line a stretch: {_EXAMPLE}.",
                )
            number = 0
            while line := file.readline(MOST_LINE_BYTES + 1):
                number += 1
                if len(line) > MOST_LINE_BYTES or number > MOST_LINES:
                    raise LimitExceeded(
                        f"{path.name} is no list of stretches: "
                        + ("it has too many lines" if number > MOST_LINES else f"line {number} is too long"),
                        allowed=f"{MOST_LINES} lines of at most {MOST_LINE_BYTES} bytes",
                        fix="Split the file, or check that it is the right one.",
                    )
                line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if line.strip():
                    yield number, line
    except OSError as error:
        raise InputError(
            "the data cannot be read", seen=f"{path}: {error.strerror or error}", fix="Check the path."
        ) from error


def _object(line: bytes, where: str, problems: Problems) -> dict[str, Any] | None:
    try:
        fields = json.loads(line.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        problems.add(where, "this is not JSON: it is no text in UTF-8")
        return None
    except (ValueError, RecursionError) as error:
        # A JSON error tells its own line, which is always the first here.
        problems.add(where, f"this is not JSON: {getattr(error, 'msg', None) or error}")
        return None
    if not isinstance(fields, dict):
        problems.add(where, "a line is one JSON object", fields)
        return None
    return fields


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name is given twice in one object")
    return fields


def _stretch(fields: dict[str, Any], folder: Path, where: str, problems: Problems, known: set[Path]) -> Stretch | None:
    unknown = sorted(fields.keys() - set(_FIELDS))
    if unknown:
        problems.add(where, f"only {', '.join(_FIELDS)} are known", ", ".join(unknown))
    start, end = (_time(fields, name, where, problems) for name in ("start", "end"))
    if start is not None and end is not None and end <= start:
        problems.add(where, "end must come after start", f"{start:g} to {end:g}")
    video = _video(fields.get("video"), folder, where, problems, known)
    labels = _labels(fields.get("labels"), where, problems)
    if video is None or labels is None:
        return None
    return Stretch(video=video, name=fields["video"], start_s=start, end_s=end, labels=labels, where=where)


def _time(fields: dict[str, Any], name: str, where: str, problems: Problems) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        problems.add(where, f"{name} must be seconds, 0 or more", value)
        return None
    return float(value)


def _video(value: object, folder: Path, where: str, problems: Problems, known: set[Path]) -> Path | None:
    if not isinstance(value, str) or not value:
        problems.add(where, "video must be the path of a file", value if value is not None else "none")
        return None
    if "://" in value:
        problems.add(where, "a video is a file, no address: nothing is fetched", value)
        return None
    path = folder / value
    # A thousand stretches of one film are one look at the disk.
    if path not in known:
        if not os.path.isfile(path):
            problems.add(where, "there is no such video file", value)
            return None
        known.add(path)
    return path


def _labels(value: object, where: str, problems: Problems) -> dict[str, str] | None:
    if not isinstance(value, dict) or not value:
        problems.add(where, 'labels must be an object such as {"sport": "archery"}', value if value else "none")
        return None
    for question, label in value.items():
        if not is_question(question):
            problems.add(where, f"a question's name is {QUESTION_RULE}", question)
        if not is_label(label):
            problems.add(where, f"the label of {question} must be {LABEL_RULE}", label)
    return value
