"""Recorded spans as stages: what each took in one answer, and how much of the answer they explain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from videobert.base.spans import Span
from videobert.bench.graph_cost import Cost, Shapes
from videobert.bench.statistics import spread_of
from videobert.results.bench import Roofs, StageTime

# The span around a whole answer.
ANSWER = "answer"
OTHER = "other"


class SelfTime(NamedTuple):
    """A span, and the part of it that stands in no span inside it."""

    span: Span
    self_s: float


def self_times(spans: Iterable[Span]) -> list[SelfTime]:
    """Each span with its own part, thread by thread, by when they began."""
    threads: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        threads[span.thread].append(span)
    found = []
    for own in threads.values():
        inside: dict[int, float] = defaultdict(float)
        # In the order of their ends, those inside a span come before it.
        for span in sorted(own, key=lambda span: (span.ended_s, -span.depth)):
            length = span.ended_s - span.began_s
            found.append(SelfTime(span, length - inside.pop(span.depth + 1, 0.0)))
            inside[span.depth] += length
    return sorted(found, key=lambda each: each.span.began_s)


def stage_times(
    spans: Sequence[Span], costs: Mapping[tuple[str, Shapes], Cost], roofs: Roofs | None, precision: str
) -> tuple[tuple[StageTime, ...], float]:
    """Stages by where they ran and how long they took; and the explained share of the answers.

    Args:
        spans: of several answers, each in a span named `ANSWER` of the thread that asked.
        costs: of the stages, by name and shapes.
        roofs: of the machine.
        precision: that the stages ran in.
    """
    whole = [span for span in spans if span.name == ANSWER]
    callers, answers = {span.thread for span in whole}, len(whole)
    groups: dict[tuple[str, bool], list[SelfTime]] = defaultdict(list)
    other_s: list[float] = []
    for each in self_times(spans):
        if each.span.name == ANSWER:
            other_s.append(each.self_s)
        else:
            groups[each.span.name, each.span.thread in callers].append(each)
    found = [_stage(name, here, group, answers, costs, roofs, precision) for (name, here), group in groups.items()]
    found.append(
        StageTime(name=OTHER, thread="caller", calls=1, self_s=sum(other_s) / answers, call=spread_of(other_s))
    )
    total_s = sum(span.ended_s - span.began_s for span in whole)
    ordered = sorted(found, key=lambda stage: (stage.thread != "caller", stage.name == OTHER, -stage.self_s))
    return tuple(ordered), 1.0 - sum(other_s) / total_s


def _stage(
    name: str,
    here: bool,
    group: Sequence[SelfTime],
    answers: int,
    costs: Mapping[tuple[str, Shapes], Cost],
    roofs: Roofs | None,
    precision: str,
) -> StageTime:
    calls_s = [each.span.ended_s - each.span.began_s for each in group]
    known = [costs.get((name, each.span.shapes)) for each in group]
    stage = StageTime(
        name=name,
        thread="caller" if here else "beside",
        calls=len(group) / answers,
        self_s=sum(each.self_s for each in group) / answers,
        call=spread_of(calls_s),
    )
    if not known or any(cost is None for cost in known):
        return stage
    flops = sum(cost.flops for cost in known if cost is not None)
    moved = sum(cost.least_bytes for cost in known if cost is not None)
    busy_s = sum(calls_s)
    roof = None if roofs is None else roofs.flops_per_s.get(precision)
    return StageTime(
        name=name,
        thread=stage.thread,
        calls=stage.calls,
        self_s=stage.self_s,
        call=stage.call,
        flops=flops / answers,
        flops_per_s=flops / busy_s,
        of_roof=None if roof is None else flops / busy_s / roof,
        least_bytes=moved / answers,
        bytes_per_s=moved / busy_s,
        of_bandwidth=None if roofs is None else moved / busy_s / roofs.bytes_per_s,
    )
