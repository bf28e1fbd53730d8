"""The GPU suite without a GPU: what it says, what a bad case costs, and that every case of ours can be built."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "benchmarks" / "gpu_suite.py"
HERE = Path(__file__).parent


def is_family(path: Path) -> bool:
    return re.search(r"^def cases\(", path.read_text(encoding="utf-8"), re.MULTILINE) is not None


@pytest.fixture(scope="module")
def suite() -> ModuleType:
    """The suite as a module; it puts the tree's root on `sys.path`."""
    spec = importlib.util.spec_from_file_location("gpu_suite", SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def case(suite: ModuleType) -> Callable[..., Any]:
    from benchmarks.gpu.case import Case

    return lambda bar: Case(name="a/b", bar=bar, bar_text="", prepare=lambda: pytest.fail("not to be prepared"))


def run(out: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    env = {**os.environ, "PYTHONPATH": str(HERE)}
    command = [sys.executable, str(SUITE), str(out), *arguments]
    ended = subprocess.run(command, cwd=out.parent, env=env, capture_output=True, text=True, timeout=280)
    return ended.returncode, json.loads(out.read_text()) if out.exists() else {}, ended.stdout + ended.stderr


@pytest.mark.slow
def test_a_bad_case_costs_its_own_row_and_nothing_else(tmp_path: Path) -> None:
    code, result, said = run(tmp_path / "out.json", "--dry-run", "--families", "planted_family", "no_such_family")
    assert code == 1
    rows = {row["name"].removeprefix("planted/"): row for row in result["figures"]}
    assert list(rows) == ["right", "wrong", "raises", "hangs", "crashes", "imports_videobert", "last", "no_such_family"]
    assert rows["right"]["verdict"] == rows["last"]["verdict"] == "dry run"
    assert rows["wrong"]["verdict"] == "parity is red"
    assert rows["wrong"]["parity"] == "label 3 is 5, not 4"
    assert "KeyError" in rows["raises"]["error"]
    assert "over its budget" in rows["hangs"]["error"]
    assert "ended with 11" in rows["crashes"]["error"]
    assert "must not import videobert" in rows["imports_videobert"]["error"]
    assert "No module named 'no_such_family'" in rows["no_such_family"]["error"]
    assert not [row for row in rows.values() if "ours_ms" in row]
    assert "planted/wrong: parity is red" in said
    assert result["dry_run"]
    assert result["tests"]["state"] == "left out"
    assert {"date", "commit", "device", "torch", "triton", "fp_fusion", "clocks"} <= set(result["environment"])


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(path.stem for path in SUITE.with_name("gpu").glob("*.py") if is_family(path)))
def test_every_case_of_ours_can_be_built_and_answers_rightly(family: str, tmp_path: Path) -> None:
    code, result, said = run(tmp_path / "out.json", "--dry-run", "--families", f"benchmarks.gpu.{family}")
    assert code == 0, said
    names = [row["name"] for row in result["figures"]]
    assert names
    assert len(set(names)) == len(names)


def test_without_a_gpu_nothing_is_written(
    suite: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert suite.main([str(tmp_path / "out.json")]) == 4
    assert "nothing was measured" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def constant(value: float, log: list[str], name: str) -> Callable[[], float]:
    def sample() -> float:
        log.append(name)
        return value

    return sample


@pytest.mark.parametrize(
    ("bar", "said"), [(None, "no bar"), (1.5, "met"), (2.0, "met"), (2.01, "missed"), (1 / 1.1, "met")]
)
def test_the_bar_is_held_against_the_fastest_rival(case: Callable[..., Any], bar: float | None, said: str) -> None:
    from benchmarks.gpu.timing import FEWEST_ROUNDS, figure_of

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
    from benchmarks.gpu.timing import figure_of

    # The machine slows down by a factor of 100 on the way: no ratio may mix two rounds.
    step = iter(range(10_000))
    speed: Callable[[], float] = lambda: 1.01 ** (next(step) // 2)  # noqa: E731
    row = figure_of(case(None), {"ours": speed, "rival": lambda: 3 * speed()}, deadline_s=time.monotonic() + 60)
    assert row["rounds"] == 100
    assert row["ratio"] == pytest.approx({"q1": 3.0, "median": 3.0, "q3": 3.0})
    assert row["ours_ms"]["q3"] > 1.5 * row["ours_ms"]["q1"]


def test_a_rival_that_failed_leaves_a_met_bar_open(case: Callable[..., Any]) -> None:
    from benchmarks.gpu.timing import verdict

    quick = {"ms": {"median": 4.0}, "ratio": {"median": 2.0}}
    assert verdict(case(1.5), {"a": quick})["verdict"] == "met"
    assert verdict(case(1.5), {"a": quick, "b": {"error": "no"}})["verdict"] == "open: a rival failed"
    assert verdict(case(2.5), {"a": quick, "b": {"error": "no"}})["verdict"] == "missed"
    assert verdict(case(1.5), {"b": {"error": "no"}})["verdict"] == "no rival was timed"


def test_what_makes_a_run_good(suite: ModuleType) -> None:
    row = {"name": "a", "verdict": "missed"}
    result = {"figures": [row], "tests": {"state": "passed"}, "sanitizer": {"state": "left out"}}
    assert suite.good(result)
    assert not suite.good(result | {"tests": {"state": "failed"}})
    assert not suite.good(result | {"tests": {"state": "not run"}})
    for verdict in ("failed", "parity is red", "not reached"):
        assert not suite.good(result | {"figures": [row, row | {"verdict": verdict}]})


def test_a_red_parity_check_has_no_speed(suite: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.gpu import worker
    from benchmarks.gpu.case import Case, Prepared

    monkeypatch.setattr(worker, "cuda_samplers", lambda _: pytest.fail("timed"))
    monkeypatch.setattr(worker, "_release", lambda: None)
    prepared = Prepared(ours=lambda: None, rivals={}, parity=lambda: "off by one")
    row = worker.run(Case(name="a/b", bar=None, bar_text="none", prepare=lambda: prepared))
    assert row == {"name": "a/b", "bar": None, "bar_text": "none", "parity": "off by one", "verdict": "parity is red"}


def test_steps_end_with_their_budget_and_keep_what_they_said(suite: ModuleType) -> None:
    ended = suite._checked([sys.executable, "-c", "import time; print('x', flush=True); time.sleep(99)"], 1.0, {})
    assert (ended["state"], ended["tail"]) == ("ended: over its budget", ["x"])
    ended = suite._checked([sys.executable, "-c", "print('3 passed, 2 skipped, 1 error in 2.00s')"], 30.0, {})
    assert ended["state"] == "passed"
    assert ended["counts"] == {"passed": 3, "skipped": 2, "error": 1}
    assert suite._checked([sys.executable, "-c", "raise SystemExit(2)"], 30.0, {})["state"] == "failed"


def test_without_pytest_the_tests_say_so(suite: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    asked = suite._parser().parse_args([str(tmp_path / "o")])
    assert suite.tests(asked, 1.0) == {"state": "not run", "reason": "pytest is not installed here"}


def test_a_probe_says_what_is_missing(suite: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia.py").write_text("")  # hides DALI, and with it every question that needs it
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = suite.probe("decode rate", 120)
    assert found["state"] == "left out"
    assert "nvidia" in found["reason"]


def test_a_probe_without_a_gpu_says_so_or_fails_alone(suite: ModuleType) -> None:
    found = suite.probe("nvdec", 120)
    assert found["state"] == "found"
    assert "libnvcuvid" in found["result"]
    slow = suite.probe("decode rate", 0.01)
    assert slow == {"state": "failed", "reason": "over its budget of 0 s"}
    assert suite.probe("no such probe", 120)["state"] == "failed"


def test_probes_are_left_out_unless_time_is_given(suite: ModuleType) -> None:
    asked = suite._parser().parse_args(["out.json"])
    assert {found["state"] for found in suite.probes(asked).values()} == {"left out"}
    asked = suite._parser().parse_args(["out.json", "--probes-s", "1e-9"])
    assert {found["state"] for found in suite.probes(asked).values()} == {"not reached"}


def test_parts_of_the_suite_can_be_run_alone(suite: ModuleType) -> None:
    asked = suite._parser().parse_args(["out.json", "--families", "--probes", "nvdec", "answers", "--probes-s", "1e-9"])
    assert asked.families == []
    assert list(suite.probes(asked)) == ["nvdec", "answers"]
    with pytest.raises(SystemExit):
        suite._parser().parse_args(["out.json", "--probes", "no such probe"])


def test_a_failed_probe_is_a_failed_suite(suite: ModuleType) -> None:
    result = {"figures": [], "tests": {"state": "passed"}, "sanitizer": {"state": "left out"}}
    assert suite.good(result | {"probes": {"nvdec": {"state": "left out"}}})
    assert not suite.good(result | {"probes": {"nvdec": {"state": "failed"}}})
