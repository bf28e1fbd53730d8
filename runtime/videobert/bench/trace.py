"""Recorded spans as a trace in JSON, for Perfetto (https://ui.perfetto.dev) and chrome://tracing.

The format is the JSON of the Trace Event Format, which Perfetto's trace processor reads: complete events (`ph` X) with
microseconds, and names of threads as metadata (`ph` M).

The trace processor drops a complete event that partly overlaps another one of its thread. Spans of a thread lie inside
each other or behind each other, and keep to that here: both ends of each are rounded to whole nanoseconds from one
zero, and a length is the difference of two such numbers, never a third one that is rounded by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from videobert.base.spans import Span

_PROCESS = 1


def perfetto_trace(spans: Sequence[Span], name: str) -> bytes:
    """The spans as a file's content; times count from the first of them.

    Args:
        name: of the process, as it is shown.
    """
    threads = {thread: number for number, thread in enumerate(dict.fromkeys(span.thread for span in spans), 1)}
    began_s = min((span.began_s for span in spans), default=0.0)
    events: list[dict[str, object]] = [
        {"ph": "M", "name": "process_name", "pid": _PROCESS, "tid": 0, "args": {"name": name}},
        *(
            {"ph": "M", "name": "thread_name", "pid": _PROCESS, "tid": number, "args": {"name": thread}}
            for thread, number in threads.items()
        ),
    ]
    for span in sorted(spans, key=lambda span: (span.began_s, span.depth)):
        event: dict[str, object] = {
            "ph": "X",
            "name": span.name,
            "cat": "videobert",
            "pid": _PROCESS,
            "tid": threads[span.thread],
            "ts": nanoseconds(span.began_s - began_s) / 1000,
            "dur": (nanoseconds(span.ended_s - began_s) - nanoseconds(span.began_s - began_s)) / 1000,
        }
        if span.shapes:
            event["args"] = {each: "x".join(map(str, shape)) for each, shape in span.shapes}
        events.append(event)
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}).encode()


def nanoseconds(seconds: float) -> int:
    """Whole ones, the unit of Perfetto's clock."""
    return round(seconds * 1e9)
