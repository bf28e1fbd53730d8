"""Recorded spans as a trace in Perfetto's own format: its protobuf message `Trace`.

The fields' numbers are those of Perfetto's `perfetto_trace.proto`. A span is a `TrackEvent` that begins a slice and one
that ends it, both on the track of its thread. The run side has no protobuf library, so the wire format is written here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from videobert.base.spans import Span
from videobert.bench.trace import nanoseconds

# The endings of files by which tools know the format.
NATIVE_SUFFIXES: Final = (".pftrace", ".perfetto-trace")
_PROCESS, _SEQUENCE = 1, 1
_BEGIN, _END = 1, 2  # TrackEvent.Type
_LENGTH_DELIMITED = 2


class _Event(NamedTuple):
    """A beginning, with its span, or an end."""

    at_ns: int
    track: int
    span: Span | None


def perfetto_packets(spans: Sequence[Span], name: str) -> bytes:
    """The spans as a file's content, a message `perfetto.protos.Trace`; times are nanoseconds from the first of them.

    Args:
        name: of the process, as it is shown.
    """
    began_s = min((span.began_s for span in spans), default=0.0)
    threads: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        threads[span.thread].append(span)
    process = _field(3, _field(1, _PROCESS) + _field(6, name))  # TrackDescriptor.process: pid, process_name
    packets = [_described(_field(1, _PROCESS) + process)]
    events: list[_Event] = []
    for number, (thread, own) in enumerate(threads.items(), 1):
        track = _PROCESS + number
        # ThreadDescriptor: pid, tid, thread_name.
        described = _field(1, _PROCESS) + _field(2, number) + _field(5, thread)
        packets.append(_described(_field(1, track) + _field(4, described)))
        events += _in_order(own, track, began_s)
    # Of events at one time those of a thread stay in their order.
    packets += [_packet(event) for event in sorted(events, key=lambda event: event.at_ns)]
    return b"".join(_field(1, packet) for packet in packets)


def _in_order(spans: Sequence[Span], track: int, began_s: float) -> Iterator[_Event]:
    """Beginnings and ends of one thread's spans, each end behind those of the spans inside."""
    open_spans: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.began_s, span.depth)):
        while open_spans and open_spans[-1].depth >= span.depth:
            yield _Event(nanoseconds(open_spans.pop().ended_s - began_s), track, None)
        yield _Event(nanoseconds(span.began_s - began_s), track, span)
        open_spans.append(span)
    for span in reversed(open_spans):
        yield _Event(nanoseconds(span.ended_s - began_s), track, None)


def _described(track: bytes) -> bytes:
    return _field(10, _SEQUENCE) + _field(60, track)  # TracePacket: trusted_packet_sequence_id, track_descriptor


def _packet(event: _Event) -> bytes:
    told = _field(9, _END if event.span is None else _BEGIN) + _field(11, event.track)  # TrackEvent: type, track_uuid
    if event.span is not None:
        # DebugAnnotation: string_value, name.
        shapes = [_field(6, "x".join(map(str, shape))) + _field(10, each) for each, shape in event.span.shapes]
        notes = b"".join(_field(4, shape) for shape in shapes)
        told = notes + told + _field(22, "videobert") + _field(23, event.span.name)  # categories, name
    # TracePacket: timestamp, trusted_packet_sequence_id, track_event.
    return _field(8, event.at_ns) + _field(10, _SEQUENCE) + _field(11, told)


def _field(number: int, value: int | str | bytes) -> bytes:
    """A field of a message: a whole number, a text or a message in bytes."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    digits = bytearray()
    while value > 127:
        digits.append(value & 127 | 128)
        value >>= 7
    digits.append(value)
    return bytes(digits)
