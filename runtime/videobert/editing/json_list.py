"""Our own form of an edit list: every field of the plan, and times to the last digit."""

from __future__ import annotations

import json
from typing import Any

from videobert.base.errors import InputError
from videobert.editing.spans import MOST_SPANS
from videobert.results.as_json import to_json
from videobert.results.edit import EditPlan

FORMAT = "videobert edit list"
VERSION = 1


def json_of(plan: EditPlan) -> str:
    """The file's text."""
    return json.dumps({"format": FORMAT, "version": VERSION} | to_json(plan), indent=2) + "\n"


def read_json(text: str) -> list[tuple[float, float]]:
    """When the spans of a list begin and end, in seconds, in their order.

    Raises:
        InputError: it is no such list, or of a later version.
    """
    try:
        found = _parsed(text)
        if not isinstance(found, dict) or found.get("format") != FORMAT or found.get("version") != VERSION:
            raise ValueError(f"no `{FORMAT}` of version {VERSION}")
        spans = found.get("spans")
        if not isinstance(spans, list) or not 0 < len(spans) <= MOST_SPANS:
            raise ValueError(f"not 1 to {MOST_SPANS} spans")
        return [(_number(span, "start_s"), _number(span, "end_s")) for span in spans]
    except (ValueError, OverflowError) as error:
        raise InputError(
            "this is no edit list", seen=str(error)[:120], fix="Write one with `videobert edit --list cut.json`."
        ) from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("a text that is not JSON") from error


def _number(span: Any, name: str) -> float:
    value = span.get(name) if isinstance(span, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"a span whose {name} is no number")
    return float(value)
