"""How figures are timed: in rounds, with ratios inside a round, and never before the answer is right."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from benchmarks.gpu import timing, worker
from benchmarks.gpu.case import Case, Prepared
from benchmarks.gpu.timing import FEWEST_ROUNDS, figure_of, samplers_of, verdict


@pytest.fixture
def case() -> Callable[..., Any]:
    return lambda bar: Case(name="a/b", bar=bar, bar_text="", prepare=lambda: pytest.fail("not to be prepared"))


def constant(value: float, log: list[str], name: str) -> Callable[[], float]:
    def sample() -> float:
        log.append(name)
        return value

    return sample


@pytest.mark.parametrize(
    ("bar", "said"), [(None, "no bar"), (1.5, "met"), (2.0, "met"), (2.01, "missed"), (1 / 1.1, "met")]
)
def test_the_bar_is_held_against_the_fastest_rival(case: Callable[..., Any], bar: float | None, said: str) -> None:
    log: list[str] = []
    times = {"ours": 2.0, "slow": 9.0, "quick": 4.0}
    samplers = {name: constant(value, log, name) for name, value in times.items()}
    row = figure_of(case(bar), samplers, deadline_s=0.0)
    assert row["rounds"] == FEWEST_ROUNDS
    assert (row["fastest_rival"], row["ratio"]["median"], row["verdict"]) == ("quick", 2.0, said)
    assert row["rivals"]["slow"]["ratio"] == {"q1": 4.5, "median": 4.5, "q3": 4.5}
    for start in range(0, len(log), 3):
        assert sorted(log[start : start + 3]) == ["ours", "quick", "slow"]
    assert {log[start] for start in range(0, len(log), 3)} == {"ours", "quick", "slow"}


def test_ratios_are_taken_inside_a_round(case: Callable[..., Any]) -> None:
    # The machine slows down by a factor of 100 on the way: no ratio may mix two rounds.
    step = iter(range(10_000))
    speed: Callable[[], float] = lambda: 1.01 ** (next(step) // 2)  # noqa: E731
    row = figure_of(case(None), {"ours": speed, "rival": lambda: 3 * speed()}, deadline_s=time.monotonic() + 60)
    assert row["rounds"] == 100
    assert row["ratio"] == pytest.approx({"q1": 3.0, "median": 3.0, "q3": 3.0})
    assert row["ours_ms"]["q3"] > 1.5 * row["ours_ms"]["q1"]


def test_a_rival_that_failed_leaves_a_met_bar_open(case: Callable[..., Any]) -> None:
    quick = {"ms": {"median": 4.0}, "ratio": {"median": 2.0}}
    assert verdict(case(1.5), {"a": quick})["verdict"] == "met"
    assert verdict(case(1.5), {"a": quick, "b": {"error": "no"}})["verdict"] == "open: a rival failed"
    assert verdict(case(2.5), {"a": quick, "b": {"error": "no"}})["verdict"] == "missed"
    assert verdict(case(1.5), {"b": {"error": "no"}})["verdict"] == "no rival was timed"


def test_what_has_neither_rival_nor_bar_is_a_figure(case: Callable[..., Any]) -> None:
    assert verdict(case(None), {})["verdict"] == "no bar"
    assert verdict(case(1.0), {})["verdict"] == "no rival was timed"


def prepared(**changes: Any) -> Prepared:
    given: dict[str, Any] = {"ours": lambda: 3.0, "rivals": {}, "parity": lambda: None, **changes}
    return Prepared(**given)


@pytest.fixture
def no_device(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stands in for the device; what is kept is when it was waited for."""
    waits: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: waits.append("wait"))
    monkeypatch.setattr(worker, "_release", lambda: None)
    return waits


def test_on_the_hosts_clock_the_device_is_waited_for_before_and_after(no_device: list[str]) -> None:
    calls: list[str] = no_device

    def ours() -> None:
        time.sleep(0.01)
        calls.append("ours")

    samplers, failed, how = samplers_of(prepared(ours=ours, clock="host"))
    calls.clear()
    assert 10 <= samplers["ours"]() < 1000
    assert calls == ["wait", "ours", "wait"]
    assert (failed, how["clock"]) == ({}, "host")


def test_what_knows_its_own_time_is_asked_for_it(no_device: list[str]) -> None:
    def broken() -> float:
        raise OSError("planted")

    samplers, failed, _ = samplers_of(prepared(clock="own", rivals={"slow": lambda: 9.0, "broken": broken}))
    assert {name: sample() for name, sample in samplers.items()} == {"ours": 3.0, "slow": 9.0}
    assert "planted" in failed["broken"]["error"]


def test_a_red_parity_check_has_no_speed(monkeypatch: pytest.MonkeyPatch, no_device: list[str]) -> None:
    monkeypatch.setattr(worker, "samplers_of", lambda _: pytest.fail("timed"))
    quality = lambda: pytest.fail("asked of a wrong answer")  # noqa: E731
    red = prepared(parity=lambda: "off by one", quality=quality)
    row = worker.run(Case(name="a/b", bar=None, bar_text="none", prepare=lambda: red))
    assert row == {"bar": None, "bar_text": "none", "parity": "off by one", "verdict": "parity is red"}


def test_a_figure_has_its_price_and_its_rates(monkeypatch: pytest.MonkeyPatch, no_device: list[str]) -> None:
    monkeypatch.setattr(timing, "MOST_ROUNDS", FEWEST_ROUNDS)
    good = prepared(clock="own", quality=lambda: {"cosine": 0.999}, bytes=6_000_000, operations=12_000_000_000)
    row = worker.run(Case(name="a/b", bar=None, bar_text="none", prepare=lambda: good))
    assert row["verdict"] == "no bar"
    assert row["quality"] == {"cosine": 0.999}
    assert row["ours_ms"]["median"] == 3.0
    assert row["achieved"] == pytest.approx({"gb_per_s": 2.0, "tflop_per_s": 4.0})


def test_a_missing_package_is_absent_and_no_failure(no_device: list[str]) -> None:
    def prepare() -> Prepared:
        raise ModuleNotFoundError("No module named 'nvidia'")

    row = worker.run(Case(name="a/b", bar=None, bar_text="", prepare=prepare))
    assert (row["verdict"], row["error"]) == ("absent", "No module named 'nvidia'")


def test_a_request_that_cannot_be_answered_is_a_row() -> None:
    assert worker.answer({"family": "no_such_family", "case": "a"})["verdict"] == "absent"
    assert worker.answer({"family": "benchmarks.gpu.roofs", "case": "no such case"})["verdict"] == "failed"
    assert worker.answer({"probe": "no such probe"})["verdict"] == "failed"
