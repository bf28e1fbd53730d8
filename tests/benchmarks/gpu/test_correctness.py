"""The kernels' tests as a part: which are of half precision, and what is known of them however they end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import correctness
from benchmarks.gpu.processes import Child

SMALL = """
import time
import pytest

class Dtype:
    def __init__(self, name): self.name = name
    def __str__(self): return self.name

HALF = [Dtype("torch.float16"), pytest.param(Dtype("torch.bfloat16"), marks=pytest.mark.needs_cuda)]

@pytest.mark.parametrize("dtype", [Dtype("torch.float32"), *HALF])
def test_dtypes(dtype): pass

@pytest.mark.parametrize("short", ["fp32", "fp16", "bf16"])
def test_names(short): pass

@pytest.mark.needs_cuda
def test_graph(): pass

def test_calls(): pass

def test_bad(): assert BAD != 1

@pytest.fixture
def late():
    yield
    assert BAD != 2

def test_late(late): pass

def test_skipped(): pytest.skip("no")

def test_hangs(): time.sleep(60 if BAD == 3 else 0)
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[Child, Path]]:
    """Starts the small tests, with one of their faults or none."""

    def start(which: str, bad: int = 0, *more: str) -> tuple[Child, Path]:
        file = tmp_path / f"test_small_{bad}.py"
        file.write_text(SMALL + f"\nBAD = {bad}\n")
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n needs_cuda\n slow\n")
        found = tmp_path / f"told-{which}-{bad}"
        found.unlink(missing_ok=True)
        return Child([*correctness._pytest(found, which), *more, str(file), "-c", str(tmp_path / "pytest.ini")]), found

    return start


def finished(started: tuple[Child, Path], seconds: float = 60) -> dict[str, Any]:
    in_time = correctness.wait([started[0]], time.monotonic() + seconds)
    return correctness.outcome(*started, in_time)


def names(path: Path) -> list[str]:
    return [json.loads(line)["test"].split("::")[1] for line in path.read_text().splitlines()]


def test_half_and_the_rest_are_everything_once(run: Callable[..., tuple[Child, Path]]) -> None:
    chosen = {}
    for which in ("half", "rest", ""):
        started = run(which, 0, "--collect-only")
        correctness.wait([started[0]], time.monotonic() + 60)
        started[0].end()
        chosen[which] = names(started[1])
    assert chosen["half"] == ["test_dtypes[dtype1]", "test_dtypes[dtype2]", "test_names[fp16]", "test_names[bf16]",
                              "test_graph"]  # fmt: skip
    assert sorted(chosen["half"] + chosen["rest"]) == sorted(chosen[""])


def test_what_passes_is_counted(run: Callable[..., tuple[Child, Path]]) -> None:
    found = finished(run("rest"))
    assert found["verdict"] == "passed"
    assert found["counts"] == {"passed": 6, "skipped": 1}


@pytest.mark.parametrize(("bad", "test"), [(1, "test_bad"), (2, "test_late")])
def test_what_fails_in_its_call_or_after_it_is_named(
    run: Callable[..., tuple[Child, Path]], bad: int, test: str
) -> None:
    found = finished(run("rest", bad))
    assert found["verdict"] == "failed"
    assert found["error"] == "1 tests failed"
    assert [name.split("::")[1] for name in found["failures"]] == [test]
    assert found["counts"]["passed"] == 5
    assert found["tail"]


def test_what_passed_before_the_end_of_its_time_is_known(run: Callable[..., tuple[Child, Path]]) -> None:
    started = run("rest", 3)
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and (not started[1].exists() or len(names(started[1])) < 6):
        time.sleep(0.05)
    found = finished(started, 0.1)
    assert found["verdict"] == "ended"
    assert found["counts"]["passed"] == 5
    assert started[0].process.poll() is not None


def test_no_test_or_no_pytest_is_not_passed(run: Callable[..., tuple[Child, Path]], tmp_path: Path) -> None:
    assert finished(run("rest", 0, "-k", "no_such_test"))["verdict"] == "failed"
    crashed = Child([sys.executable, "-c", "import os; os._exit(0)"])
    assert finished((crashed, tmp_path / "nothing"))["verdict"] == "failed"


def test_every_kernel_has_a_row_of_its_own() -> None:
    folders = {path.parent.name for path in (correctness.TESTS / "ops").glob("*/test_*.py")}
    assert set(correctness.KERNELS) == folders
    for part in (correctness.half_precision(), correctness.the_rest(), correctness.collected()):
        assert [row.split(": ")[1] for row in part.rows] == list(correctness.KERNELS)


def test_without_pytest_the_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correctness.importlib.util, "find_spec", lambda name: None)
    part = correctness.half_precision()
    rows = list(part.run(None, part.rows[:1], 0.0))  # type: ignore[arg-type]
    assert rows == [{"name": part.rows[0], "verdict": "absent", "error": "pytest is not installed here"}]


def test_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correctness.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(correctness.os, "sched_getaffinity", lambda _: set(range(16)))
    assert [correctness.in_parallel(share / 16) for share in (1, 2, 5)] == [[], ["-n", "2"], ["-n", "5"]]
    assert sum(correctness.KERNELS.values()) == 16
    monkeypatch.setattr(correctness.importlib.util, "find_spec", lambda name: None)
    assert correctness.in_parallel(1.0) == []


def test_without_the_sanitizer_the_row_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correctness.shutil, "which", lambda name: None)
    part = correctness.sanitizer("memcheck")
    (row,) = part.run(None, part.rows, 0.0)  # type: ignore[arg-type]
    assert (row["verdict"], row["name"]) == ("absent", "compute-sanitizer memcheck")
