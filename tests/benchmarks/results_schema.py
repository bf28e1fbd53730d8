"""What every file of `benchmarks/results` has: when and on what it was measured, versions, and figures with units."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

# A figure's unit is told by the words of its name, or of what stands around it. Whole numbers are counts.
UNITS: Mapping[str, str] = {
    "seconds": r"s|seconds|hours",
    "milliseconds": r"ms",
    "microseconds": r"us",
    "MHz or other clocks": r"clocks",
    "bytes": r"bytes|mib|gib|mb|gb",
    "dB": r"db",
    "a second": r"fps|flops|per",
    "millions": r"millions",
    "how many times as much": r"ratio|x|time|bar|over",
    "percentage points": r"points",
    "a share of one": r"value|ci95|low|high|share|right|kept|below|more|first|match|accuracy\S*|agreement|recall\S*"
    r"|each|precision\S*|overlap|iou|certainty|cover|auroc|spread|others|limit|mean|lowest|question",
    "a percentile": r"threshold",
    "a rank": r"rank",
    "an error or a score": r"error|score|energy\S*|cosine\S*|logit\S*|constants|penalty|scale|temperature|load\S*"
    r"|peer|ours",
    "seconds, and how sure": r"events",
}
_WORDS = re.compile("|".join(rf"(?:^|[_@ ])(?:{words})(?:$|[_@ ])" for words in UNITS.values()))
_DATE = re.compile(r"20\d\d-\d\d-\d\d")
_NO_VERSIONS = frozenset({"date", "cpu", "cores", "load", "device", "platform", "precision", "decoded_on", "kernels"})


def problems(content: Any) -> list[str]:
    """What a result lacks."""
    if not isinstance(content, dict):
        return ["it is no object"]
    found = list(_environment(content))
    found += [
        f"{place}: nothing says in what unit {value} is"
        for place, value in _numbers(content, ())
        if not float(value).is_integer() and not any(_WORDS.search(word) for word in place)
    ]
    found += [f"{place}: not finite" for place, value in _numbers(content, ()) if not math.isfinite(value)]
    if not any(place[0] != "environment" for place, _ in _numbers(content, ())):
        found.append("it has no figures")
    return found


def _environment(content: Mapping[str, Any]) -> Iterator[str]:
    # `videobert train --evaluate` writes the one of the bundled model's card, whose names are older.
    block = content.get("environment") or {"date": content.get("date"), **content.get("versions", {})}
    if "cpu" not in block and not ({"device", "decoded_on"} & set(block)) and "origin" not in content:
        yield "environment: nothing says which processor or device"
    date = block.get("date")
    if not isinstance(date, str) or not _DATE.match(date):
        yield f"environment: the date is {date!r}"
    elif datetime.date.fromisoformat(date[:10]) < datetime.date(2026, 1, 1):
        yield f"environment: nothing was measured on {date}"
    versions = {name for name, value in block.items() if name not in _NO_VERSIONS and isinstance(value, str)}
    if "python" not in versions or len(versions) < 2:
        yield f"environment: versions of python and what else decides, not only {sorted(versions)}"


def _numbers(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _numbers(each, (*place, str(name)))
    elif isinstance(value, list):
        for each in value:
            yield from _numbers(each, place)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, value
