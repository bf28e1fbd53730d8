"""Results are what readers rely on: each planted fault in one is found."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.gpu.fake_suite import ENVIRONMENT, FIGURE, part

from benchmarks.gpu.processes import ROOT
from benchmarks.gpu.record import FORMAT, Record
from benchmarks.gpu.schema import problems, speeds

RESULTS = ROOT / "benchmarks" / "results"

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def result(tmp_path: Path) -> dict[str, Any]:
    """A right one: timed, red, and not measured."""
    parts = [part("figures/a", ["timed", "red"]), part("figures/b", ["left"])]
    record = Record(tmp_path / "out.json", ENVIRONMENT, parts, dry_run=False)
    record.runs.append({"date": "2026-11-26", "minutes": 13.0, "ended": "by itself"})
    record.put(parts[0], {"name": "timed", **FIGURE, "note": float("nan"), "ratio": {"median": 2.0}})
    record.put(parts[0], {"name": "red", "verdict": "parity is red", "parity": "off by one"})
    found: dict[str, Any] = json.loads((tmp_path / "out.json").read_text())
    assert problems(found) == []
    return found


def test_a_number_that_json_does_not_have_becomes_a_word(result: dict[str, Any]) -> None:
    assert result["parts"][0]["rows"][0]["note"] == "nan"


def row(number: int, **changes: Any) -> Change:
    return lambda result: result["parts"][0]["rows"][number].update(changes)


CHANGES: dict[str, tuple[Change, str]] = {
    "no format": (lambda r: r.pop("format"), "without format"),
    "no environment": (lambda r: r["environment"].pop("sources"), "environment: without sources"),
    "no device": (lambda r: r["environment"].update(device=None), "figures without a device"),
    "red with a time": (row(1, ours_ms={"median": 1.0}), "it has ours_ms"),
    "red with a rate": (row(1, achieved={"gb_per_s": 3.0}), "it has achieved.gb_per_s"),
    "red with a rival's time": (row(1, rivals={"torch": {"ms": {"median": 1.0}}}), "it has rivals.torch.ms"),
    "timed without parity": (row(0, parity="off by one"), "timed, with parity 'off by one'"),
    "timed without a time": (row(0, ours_ms=None), "without quartiles"),
    "red below": (row(0, result={"dali": {"parity": "no", "first_clip_s": 1.0}}), "it has first_clip_s"),
    "no such verdict": (row(0, verdict="great"), "verdict 'great'"),
    "failed without an error": (row(1, verdict="failed"), "failed, without an error"),
    "of no run": (row(0, run=7), "of run 7"),
    "a name twice": (row(1, name="timed"), "two rows have one name"),
    "a state that its rows do not have": (lambda r: r["parts"][0].update(state="done"), "state 'done'"),
    "left, but not listed": (lambda r: r.update(left=[]), "left is []"),
    "listed, but not left": (lambda r: r["left"].append("figures/a"), "rows are missing in"),
    "not measured without a reason": (lambda r: r["parts"][1]["rows"][0].pop("reason"), "without a reason"),
    "a dry run with times": (lambda r: r.update(dry_run=True), "a speed in a dry run"),
    "two parts of one name": (lambda r: r["parts"].append(copy.deepcopy(r["parts"][1])), "two parts are named"),
    "a part that is none": (lambda r: r["parts"].append({}), "no part"),
    "a run that is none": (lambda r: r["runs"][0].pop("ended"), "runs[0].ended"),
    "no list of parts": (lambda r: r.update(parts={}), "no list"),
    "a negative cost": (lambda r: r["parts"][0].update(cost_s=-1), "cost_s -1"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_planted_fault_is_found(result: dict[str, Any], name: str) -> None:
    change, said = CHANGES[name]
    change(result)
    assert any(said in problem for problem in problems(result)), problems(result)


@pytest.mark.parametrize("value", [None, [], "a", 3])
def test_what_is_no_result_is_said(value: Any) -> None:
    assert len(problems(value)) == 1


def test_speeds_are_found_wherever_they_are() -> None:
    given = {"a_s": 1.0, "b": [{"c_us": 2, "rounds": 3}], "ratio": {"median": 1}, "seconds": 4.0, "d_s": "left out"}
    assert sorted(speeds(given)) == ["a_s", "b[0].c_us", "ratio"]


def test_what_is_committed_is_as_it_should_be() -> None:
    results = sorted(RESULTS.glob("*.json"))
    assert results
    for path in results:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and content.get("format") == FORMAT and "parts" in content:
            assert problems(content) == [], path
            assert not content["dry_run"], path
