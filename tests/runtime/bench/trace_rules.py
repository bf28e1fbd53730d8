"""The published rules of a JSON trace, as Perfetto's trace processor reads it, held strictly.

From "Trace Event Format" (the document of chrome://tracing): an object with `traceEvents`; every event has a name, a
phase, a process and a thread; a complete event (`X`) has `ts` and `dur`, microseconds; metadata (`M`) names a process
or a thread in `args.name`. From the trace processor's slice tracker: complete events of one thread nest or are
disjoint; one that begins inside another and ends behind it is dropped.

And the schema of a trace in protobuf: that of Perfetto's own package.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

_NAMES = ("process_name", "thread_name")


def broken_rules(content: bytes) -> list[str]:
    """What a trace breaks, in words; nothing of a good one."""
    try:
        trace = json.loads(content.decode("utf-8"), parse_constant=_not_strict)
    except ValueError as error:
        return [f"no strict JSON: {error}"]
    if not isinstance(trace, dict) or not isinstance(trace.get("traceEvents"), list):
        return ["no object with traceEvents"]
    found = [] if trace.get("displayTimeUnit", "ms") in ("ms", "ns") else ["displayTimeUnit is neither ms nor ns"]
    named: set[tuple[Any, Any]] = set()
    slices: dict[tuple[Any, Any], list[tuple[int, int, str]]] = defaultdict(list)
    for event in trace["traceEvents"]:
        broken = list(_broken(event))
        found += [f"{event}: {rule}" for rule in broken]
        if broken:
            continue
        thread = (event["pid"], event["tid"])
        if event["ph"] == "M":
            if event["name"] == "thread_name":
                named.add(thread)
            continue
        # Nanoseconds, as the trace processor keeps them.
        began = round(event["ts"] * 1000)
        slices[thread].append((began, began + round(event["dur"] * 1000), event["name"]))
    found += [f"thread {thread} has no thread_name" for thread in slices if thread not in named]
    for own in slices.values():
        found += _overlaps(own)
    return found


def broken_schema(content: bytes) -> list[str]:
    """Where a trace in protobuf is none of `perfetto.protos.Trace`; nothing of a good one."""
    from google.protobuf.message import DecodeError
    from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

    trace = Trace()
    try:
        trace.ParseFromString(content)
    except DecodeError as error:
        return [f"no Trace: {error}"]
    found = list(_unknown(trace, "Trace"))
    # What the schema knows is written by its number; whatever stands twice or out of its order comes out changed.
    if not found and trace.SerializeToString(deterministic=True) != content:
        found.append("a field stands twice, or out of its order")
    return found


def _unknown(message: Any, name: str) -> Iterator[str]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    yield from (f"{name} has no field {field.field_number} of this kind" for field in UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                yield from _unknown(each, f"{name}.{field.name}")


def _broken(event: Any) -> list[str]:
    if not isinstance(event, dict):
        return ["no object"]
    broken = [f"{name} is no whole number" for name in ("pid", "tid") if type(event.get(name)) is not int]
    if not isinstance(event.get("name"), str):
        broken.append("name is no text")
    if "cat" in event and not isinstance(event["cat"], str):
        broken.append("cat is no text")
    if "args" in event and not isinstance(event["args"], dict):
        broken.append("args is no object")
    if event.get("ph") == "X":
        for name in ("ts", "dur"):
            value = event.get(name)
            if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
                broken.append(f"{name} is no time")
    elif event.get("ph") == "M":
        args = event.get("args")
        if event.get("name") not in _NAMES or not isinstance(args, dict) or not isinstance(args.get("name"), str):
            broken.append("metadata names nothing")
    else:
        broken.append("the phase is neither X nor M")
    return broken


def _overlaps(slices: list[tuple[int, int, str]]) -> list[str]:
    found, open_ends = [], []
    # In the order in which they come to the trace processor: by their beginning, the longer first.
    for began, ended, name in sorted(slices, key=lambda each: (each[0], -each[1])):
        while open_ends and open_ends[-1] <= began:
            open_ends.pop()
        if open_ends and ended > open_ends[-1]:
            found.append(f"{name} partly overlaps another event of its thread")
            continue
        open_ends.append(ended)
    return found


def _not_strict(name: str) -> float:
    raise ValueError(name)
