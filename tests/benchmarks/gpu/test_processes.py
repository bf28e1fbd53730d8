"""Processes that hang, crash or are orphaned: each is ended with all it started, and the next request is answered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.gpu.case import Case, Prepared
from benchmarks.gpu.parts import Part, Workers, figures, probe
from benchmarks.gpu.processes import ROOT, Child, Worker, environment_of

STUB = "tests.benchmarks.gpu.stub_worker"
# Prints its own child's process id, and waits.
PARENT = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)"


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(alone=True, module=STUB)
    yield worker
    worker.close()


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers(module=STUB)
    yield workers
    workers.close()


def gone(process: int) -> bool:
    """Whether a process has ended, waited for or not."""
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        try:
            if Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def first_line(child: Child) -> str:
    end_s = time.monotonic() + 20
    while not child.said() and time.monotonic() < end_s:
        time.sleep(0.02)
    return child.said()[0]


def test_one_process_answers_until_it_has_to_be_replaced(worker: Worker) -> None:
    first, second = (worker.ask({"case": "right"}, 20) for _ in range(2))
    assert first["verdict"] == "met"
    assert first["process"] == second["process"]
    died = worker.ask({"case": "dies"}, 20)
    assert died["verdict"] == "failed"
    assert died["error"] == "the process ended with 11: a last word"
    third = worker.ask({"case": "right"}, 20)
    assert third["process"] != first["process"]
    lost = worker.ask({"case": "lost"}, 20)
    assert lost["verdict"] == "failed"
    assert "context_lost" not in lost
    assert gone(third["process"])
    assert worker.ask({"case": "right"}, 20)["process"] != third["process"]


def test_what_hangs_is_ended_and_the_next_request_is_answered(worker: Worker) -> None:
    before = worker.ask({"case": "right"}, 20)
    started_s = time.monotonic()
    assert worker.ask({"case": "hangs"}, 0.3) == {"verdict": "ended", "error": "over its budget of 0 s"}
    assert time.monotonic() - started_s < 5
    assert gone(before["process"])
    assert worker.ask({"case": "right"}, 20)["verdict"] == "met"


def test_a_process_that_cannot_start_says_so() -> None:
    worker = Worker(alone=True, module="no.such.module")
    found = worker.ask({"case": "right"}, 20)
    assert found["verdict"] == "failed"
    assert "No module named" in found["error"]
    slow = Worker(alone=True, module=STUB, start_s=0.0)
    assert slow.ask({"case": "right"}, 20)["verdict"] == "ended"


def test_a_process_may_start_before_it_is_asked(worker: Worker) -> None:
    child = worker.start()
    assert worker.ask({"case": "right"}, 20)["process"] == child.process.pid


def test_ending_a_child_ends_what_it_started() -> None:
    child = Child([sys.executable, "-c", PARENT])
    grandchild = int(first_line(child))
    child.end()
    assert child.process.returncode == -signal.SIGKILL
    assert gone(grandchild)
    child.end()


def test_no_child_outlives_a_suite_that_is_killed() -> None:
    code = (
        "import sys, time; from benchmarks.gpu.processes import Child; "
        "print(Child([sys.executable, '-c', 'import time; time.sleep(60)']).process.pid, flush=True); time.sleep(60)"
    )
    suite = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment_of(), cwd=ROOT)
    assert suite.stdout is not None
    child = int(suite.stdout.readline())
    suite.kill()
    suite.wait()
    suite.stdout.close()
    assert gone(child)


def asked(part: Part, workers: Workers, within_s: float) -> dict[str, str]:
    rows = list(part.run(workers, part.rows, time.monotonic() + within_s))
    assert [row["name"] for row in rows] == list(part.rows)
    return {row["name"]: row["verdict"] for row in rows}


def case(name: str, budget_s: float = 20.0) -> Case:
    def prepare() -> Prepared:
        raise AssertionError("not here")

    return Case(name=name, bar=None, bar_text="", prepare=prepare, cost_s=2.0, budget_s=budget_s)


def test_a_part_of_figures_asks_for_each_and_goes_on_behind_what_is_bad(workers: Workers) -> None:
    cases = [case("wrong"), case("dies"), case("hangs", budget_s=0.2), case("right")]
    part = figures("x", "a_family", cases, alone=True)
    assert (part.name, part.cost_s, part.kind) == ("figures/x", 8.0, "figures")
    assert part.cost_of(["wrong", "right"]) == 4.0
    found = asked(part, workers, 60)
    assert found == {"wrong": "parity is red", "dies": "failed", "hangs": "ended", "right": "met"}


def test_what_the_time_of_the_part_cuts_off_is_not_measured_and_not_called_hung(workers: Workers) -> None:
    part = figures("x", "a_family", [case("right"), case("hangs"), case("right ")], alone=True)
    workers.ask({"case": "right"}, 20, time.monotonic() + 20, alone=True)
    assert asked(part, workers, 1.0) == {"right": "met", "hangs": "not measured", "right ": "not measured"}


def test_a_probe_is_a_part_of_one_row() -> None:
    part = probe("one context", 8.0, 40.0)
    assert (part.name, part.rows, part.cost_s, part.kind) == ("probes/one context", ("one context",), 8.0, "probes")


def test_the_suites_own_process_is_no_group_of_a_child() -> None:
    child = Child([sys.executable, "-c", "pass"])
    assert os.getpgid(0) != child.process.pid
    child.end()
