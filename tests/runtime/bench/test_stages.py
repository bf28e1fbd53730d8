"""Spans as stages: what stands inside another counts once, and the stages of the caller add up to the answer."""

from __future__ import annotations

import pytest

from videobert.base.spans import Span
from videobert.bench.graph_cost import Cost
from videobert.bench.stages import ANSWER, OTHER, stage_times
from videobert.results.bench import Roofs

SHAPES = (("clips", (1, 2)),)
SPANS = [
    Span("transform", "main", 1.2, 1.3, 2),
    Span("decode", "main", 1.0, 1.5, 1),
    Span("backbone", "worker", 1.4, 2.4, 0, SHAPES),
    Span("wait", "main", 1.5, 2.0, 1),
    Span(ANSWER, "main", 1.0, 2.1, 0),
    Span("decode", "main", 3.0, 3.4, 1),
    Span("backbone", "worker", 3.4, 4.4, 0, SHAPES),
    Span(ANSWER, "main", 3.0, 3.9, 0),
]


def test_each_second_of_the_caller_counts_once() -> None:
    stages, explained = stage_times(SPANS, {}, None, "fp32")
    own = {stage.name: stage.self_s for stage in stages if stage.thread == "caller"}
    assert own == {
        "decode": pytest.approx((0.4 + 0.4) / 2),
        "transform": pytest.approx(0.1 / 2),
        "wait": pytest.approx(0.5 / 2),
        OTHER: pytest.approx((0.1 + 0.5) / 2),
    }
    assert sum(own.values()) == pytest.approx((1.1 + 0.9) / 2)
    assert explained == pytest.approx(1 - 0.6 / 2.0)


def test_what_others_do_meanwhile_is_told_apart_and_last() -> None:
    stages, _ = stage_times(SPANS, {}, None, "fp32")
    (beside,) = (stage for stage in stages if stage.thread == "beside")
    assert (beside.name, beside.calls, beside.self_s) == ("backbone", 1, pytest.approx(1.0))
    assert stages[-1] == beside
    assert stages[-2].name == OTHER


def test_rates_come_from_counted_operations_and_whole_calls() -> None:
    costs = {("backbone", SHAPES): Cost(flops=4e9, least_bytes=2e9)}
    stages, _ = stage_times(SPANS, costs, Roofs(flops_per_s={"bf16": 8e9}, bytes_per_s=4e9), "bf16")
    found = {stage.name: stage for stage in stages}
    backbone = found["backbone"]
    rates = backbone.flops, backbone.flops_per_s, backbone.of_roof
    assert rates == (4e9, pytest.approx(4e9), pytest.approx(0.5))
    rates = backbone.least_bytes, backbone.bytes_per_s, backbone.of_bandwidth
    assert rates == (
        2e9,
        pytest.approx(2e9),
        pytest.approx(0.5),
    )
    assert found["decode"].flops is None
    of_other_precision, _ = stage_times(SPANS, costs, Roofs(flops_per_s={"fp32": 8e9}, bytes_per_s=4e9), "bf16")
    assert next(stage for stage in of_other_precision if stage.name == "backbone").of_roof is None
