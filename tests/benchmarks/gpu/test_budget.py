"""What the suite runs, leaves and ends within its minutes, and that its file is whole whenever it is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.gpu.fake_suite import ENVIRONMENT, part

from benchmarks import gpu_suite
from benchmarks.gpu.parts import Part, Workers
from benchmarks.gpu.schema import problems

FAKE = Path(__file__).with_name("fake_suite.py")
Suite = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Runs parts with the arguments given; the exit code and the file."""

    def run(parts: Sequence[Part], *arguments: str, environment: dict[str, Any] = ENVIRONMENT) -> Any:
        asked = gpu_suite.parser().parse_args([str(tmp_path / "out.json"), *arguments])
        code = gpu_suite.run(asked, environment, parts, time.monotonic())
        result = json.loads((tmp_path / "out.json").read_text())
        assert problems(result) == []
        return code, result

    return run


def states(result: dict[str, Any]) -> dict[str, str]:
    return {part["name"]: part["state"] for part in result["parts"]}


def test_everything_that_fits_runs_in_order(suite: Suite, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [part("figures/b", ["b1", "b2"]), part("figures/a", ["a1"])]
    code, result = suite(parts)
    assert code == 0
    assert states(result) == {"figures/b": "done", "figures/a": "done"}
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()[:3]] == ["b1", "b2", "a1"]
    assert result["left"] == []
    assert result["runs"][0]["ended"] == "by itself"


def test_a_part_that_does_not_fit_is_left_and_listed_and_a_smaller_one_runs(
    suite: Suite, capsys: pytest.CaptureFixture[str]
) -> None:
    large, small = part("figures/large", ["l1", "l2"], cost_s=100), part("figures/small", ["s"], cost_s=1)
    code, result = suite([large, small], "--minutes", "1")
    assert code == 3
    assert states(result) == {"figures/large": "left", "figures/small": "done"}
    assert result["left"] == ["figures/large"]
    for row in result["parts"][0]["rows"]:
        assert row["verdict"] == "not measured"
        assert row["reason"].startswith("takes about 100 s, and 5")
    assert large.run.asked == []  # type: ignore[attr-defined]
    assert "left: figures/large" in capsys.readouterr().out


def test_costs_are_held_against_what_is_left_and_not_against_the_whole(suite: Suite) -> None:
    # 3 s less the reserve of 5 %: the second needs more than what the first leaves.
    parts = [part("figures/a", ["a"], cost_s=0.5, wait_s=1.5), part("figures/b", ["b"], cost_s=2.5)]
    _, result = suite(parts, "--minutes", "0.05")
    assert states(result) == {"figures/a": "done", "figures/b": "left"}


def test_the_suite_is_over_in_time_though_a_part_hangs(suite: Suite) -> None:
    started_s = time.monotonic()
    given: list[float] = []

    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        given.append(deadline_s - started_s)
        time.sleep(max(0.0, deadline_s - time.monotonic()))
        yield from ({"name": row, "verdict": "not measured", "reason": "the time was up"} for row in rows)

    hangs = Part(name="figures/hangs", kind="figures", rows=("h",), cost_s=1, most_s=600, run=run)
    code, result = suite([hangs, part("figures/last", ["l"], cost_s=0.5)], "--minutes", "0.05")
    assert time.monotonic() - started_s < 3.0
    assert given[0] < 3.0
    assert code == 3
    assert states(result) == {"figures/hangs": "left", "figures/last": "left"}


def test_a_part_has_no_more_than_its_own_longest_time(suite: Suite) -> None:
    given: list[float] = []

    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        given.append(deadline_s - time.monotonic())
        yield {"name": "h", "verdict": "ended", "error": "over its budget of 7 s"}

    ended = Part(name="figures/h", kind="figures", rows=("h",), cost_s=1, most_s=7, run=run)
    code, result = suite([ended])
    assert given[0] == pytest.approx(7, abs=0.5)
    assert code == 1
    assert states(result) == {"figures/h": "ended"}
    assert result["left"] == ["figures/h"]


def test_a_fault_of_one_part_costs_its_own_rows(suite: Suite) -> None:
    def run(workers: Workers, rows: Sequence[str], deadline_s: float) -> Iterator[dict[str, Any]]:
        yield {"name": "one", "verdict": "failed", "error": "no"}
        raise KeyError("planted")

    bad = Part(name="figures/bad", kind="figures", rows=("one", "two"), cost_s=1, most_s=60, run=run)
    code, result = suite([bad, part("figures/good", ["g"])])
    assert code == 1
    assert states(result) == {"figures/bad": "failed", "figures/good": "done"}
    assert "planted" in result["parts"][0]["rows"][1]["error"]


@pytest.mark.parametrize(
    ("verdict", "code"), [("missed", 0), ("absent", 0), ("failed", 1), ("parity is red", 1), ("not measured", 3)]
)
def test_the_exit_code_says_what_became_of_it(suite: Suite, verdict: str, code: int) -> None:
    answer = {"verdict": verdict, "reason": "x", "error": "x", "parity": "good"}
    if verdict == "missed":
        answer |= {"ours_ms": {"q1": 1.0, "median": 1.0, "q3": 1.0}}
    assert suite([part("figures/a", ["a"], **answer)])[0] == code


def test_a_red_parity_check_prints_no_speed() -> None:
    times = {"ours_ms": {"q1": 1, "median": 2.0, "q3": 3}, "achieved": {"gb_per_s": 77.0}}
    said = gpu_suite.line_of({"name": "a", "verdict": "parity is red", "parity": "label 3 is 5", **times})
    assert said == "a: parity is red: label 3 is 5"
    assert "2 ms, 77 gb_per_s" in gpu_suite.line_of({"name": "a", "verdict": "no bar", "parity": "good", **times})


def test_what_was_not_measured_is_said_in_these_words() -> None:
    row = {"name": "a", "verdict": "not measured", "reason": "no time"}
    assert gpu_suite.line_of(row) == "a: not measured: no time"


def start(out: Path, wait_s: float, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, str(FAKE), str(out), str(wait_s), *more], stdout=subprocess.DEVNULL)


def wait_for(out: Path, rows: int) -> None:
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s:
        if out.exists() and sum(row["verdict"] == "met" for row in rows_of(json.loads(out.read_text()))) >= rows:
            return
        time.sleep(0.01)
    raise TimeoutError(f"{rows} rows did not come")


def rows_of(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for part in result["parts"] for row in part["rows"]]


def test_killed_at_any_time_the_file_is_whole_and_can_be_gone_on_with(tmp_path: Path) -> None:
    out, moments = tmp_path / "out.json", random.Random(0)
    answered = 0
    for number in range(12):
        process = start(out, 0.004, *([str(out)] if number else []))
        wait_for(out, answered) if number else wait_for(out, 0)
        time.sleep(moments.uniform(0, 0.05))
        process.kill()
        process.wait()
        result = json.loads(out.read_text())
        assert problems(result) == []
        assert result["runs"][-1]["ended"] in {"was killed", "by itself"}
        now = sum(row["verdict"] == "met" for row in rows_of(result))
        assert now >= answered, "an answer was lost"
        answered = now
    assert start(out, 0, str(out)).wait() == 0
    result = json.loads(out.read_text())
    assert {row["verdict"] for row in rows_of(result)} == {"met"}
    assert result["runs"][-1]["ended"] == "by itself"
    assert len({row["run"] for row in rows_of(result)}) > 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_says_so_and_leaves_a_whole_file(tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "out.json"
    process = start(out, 0.05)
    wait_for(out, 2)
    os.kill(process.pid, number)
    assert process.wait(30) == 128 + number
    result = json.loads(out.read_text())
    assert problems(result) == []
    assert result["runs"][0]["ended"] == f"by {number.name}"
    assert "the suite was told to end" in {row.get("reason") for row in rows_of(result)}
