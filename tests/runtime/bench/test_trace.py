"""Traces: the events that Perfetto reads, with their threads and times."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.runtime.bench.trace_rules import broken_rules

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


def test_a_trace_keeps_the_rules_of_its_format() -> None:
    # Spans that share an end, or miss it by less than is written, at times that no decimal number has.
    random = np.random.default_rng(0)
    spans = []
    for _ in range(300):
        began, ended = sorted(random.uniform(1e5, 1e5 + 1e-4, 2))
        middle = began + (ended - began) / 3
        spans += [
            Span("inner", "main", middle, ended, 2),
            Span("before", "main", began, middle, 2),
            Span("middle", "main", began, ended, 1),
            Span("outer", "main", began, ended, 0),
        ]
    apart = [
        Span(each.name, f"thread {number // 4}", each.began_s, each.ended_s, each.depth)
        for number, each in enumerate(spans)
    ]
    assert broken_rules(perfetto_trace(apart, "videobert shapes")) == []
    assert broken_rules(perfetto_trace([], "x")) == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"dur": 7.0}, "partly overlaps"),
        ({"dur": -1.0}, "dur"),
        ({"ts": "0"}, "ts"),
        ({"ph": "Q"}, "phase"),
        ({"tid": 99}, "no thread_name"),
        ({"tid": "main"}, "tid"),
        ({"name": None}, "name"),
        ({"cat": 1}, "cat"),
        ({"args": []}, "args"),
    ],
)
def test_what_breaks_a_rule_is_found(change: dict[str, object], rule: str) -> None:
    spans = [Span("inner", "main", 1e-6, 3e-6, 1), Span("outer", "main", 0.0, 5e-6, 0)]
    trace = json.loads(perfetto_trace(spans, "videobert shapes"))
    inner = next(event for event in trace["traceEvents"] if event["name"] == "inner")
    inner.update(change)
    found = broken_rules(json.dumps(trace).encode())
    assert any(rule in each for each in found), found
