"""Traces: the events that Perfetto reads, with their threads and times."""

from __future__ import annotations

import json

from videobert.base.spans import Span
from videobert.bench.trace import perfetto_trace


def test_each_span_is_a_complete_event_of_its_thread() -> None:
    spans = [
        Span("inner", "main", 2.5, 2.75, 1, (("ids", (1, 8)),)),
        Span("outer", "main", 2.0, 3.0, 0),
        Span("beside", 'a "worker"', 2.25, 2.5, 0),
    ]
    trace = json.loads(perfetto_trace(spans, "videobert shapes"))
    events = trace["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    whole = {event["name"]: event for event in events if event["ph"] == "X"}
    assert set(names.values()) == {"main", 'a "worker"'}
    assert {name: (event["ts"], event["dur"]) for name, event in whole.items()} == {
        "outer": (0.0, 1e6),
        "beside": (250_000.0, 250_000.0),
        "inner": (500_000.0, 250_000.0),
    }
    assert names[whole["beside"]["tid"]] == 'a "worker"'
    assert whole["inner"]["tid"] == whole["outer"]["tid"]
    assert whole["inner"]["args"] == {"ids": "1x8"}
    # What the format asks of every event.
    assert all({"ph", "name", "pid", "tid"} <= event.keys() for event in events)


def test_a_trace_of_nothing_is_one() -> None:
    assert [event["ph"] for event in json.loads(perfetto_trace([], "x"))["traceEvents"]] == ["M"]
