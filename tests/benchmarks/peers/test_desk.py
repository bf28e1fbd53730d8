"""Parity comes before time: a planted wrong answer has no speed, a peer that cannot run is listed with its reason."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.peers import desk
from benchmarks.peers.case import Absent, Case, Contender, Measure, Prepared, Setting
from benchmarks.peers.deadline import TimeUp
from benchmarks.peers.desk import Desk
from benchmarks.peers.record import Record
from benchmarks.peers.table import table
from benchmarks.peers.turns import Turns

ROOT = Path(__file__).parents[3]
SPEED = {"ours_ms", "peer_ms", "ratio", "ours_s", "peer_s"}


class Benchmark:
    """In the place of pytest-benchmark's fixture: its rounds, with setup and teardown around each."""

    def __init__(self) -> None:
        self.skipped = False
        self.stats = SimpleNamespace(stats=SimpleNamespace(data=[]))

    def pedantic(self, target: Any, setup: Any = None, teardown: Any = None, rounds: int = 1) -> None:
        for _ in range(rounds):
            if setup is not None:
                setup()
            began = time.perf_counter()
            target()
            self.stats.stats.data.append(time.perf_counter() - began)
            if teardown is not None:
                teardown()


def answers(value: float, seconds: float = 0.001) -> Callable[[], float]:
    def call() -> float:
        time.sleep(seconds)
        return value

    return call


def absent(_: Any) -> Contender:
    raise Absent("it has no wheel for this machine")


def broken(_: Any) -> Contender:
    raise RuntimeError("it broke")


@pytest.fixture(autouse=True)
def _others_may_be_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests are.
    monkeypatch.setattr(desk, "_MOST_OTHERS", 1.0)


def case_of(ours: float = 1.0) -> Case:
    def prepare(_: Setting) -> Prepared:
        return Prepared(
            ours=Contender(version="ours 1", call=answers(ours)),
            measure=Measure(name="distance to one", limit=0.1, better="less"),
            judge=lambda answer: abs(answer - 1.0),
            inputs=None,
        )

    return Case(
        name="sums/one",
        what="one and nothing",
        prepare=prepare,
        peers={
            "right": lambda _: Contender(version="right 1", call=answers(1.0, 0.004)),
            "wrong": lambda _: Contender(version="wrong 1", call=answers(2.0)),
            "no number": lambda _: Contender(version="none 1", call=answers(float("nan"))),
            "absent": absent,
            "broken": broken,
        },
    )


@pytest.fixture
def rows(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def rows(case: Case, *, tiny: bool = False, until_s: float = float("inf")) -> dict[str, Any]:
        plan = [(case, peer) for peer in case.peers]
        path = tmp_path / "out.json"
        record = Record(path, {"cpu": "A"}, [(case.name, peer) for _, peer in plan], dry_run=tiny, resume=False)
        setting = Setting(tiny=tiny, scratch=tmp_path, models=None, threads=1)
        made = Desk(setting, plan, record, budget_s=0.05, until_s=until_s)
        for each, peer in plan:
            made.row(each, peer, Benchmark())
        return {row["peer"]: row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}

    return rows


def test_a_right_peer_is_timed_in_pairs(rows: Any) -> None:
    row = rows(case_of())["right"]
    assert row["state"] == "measured"
    assert len(row["ours_s"]) == len(row["peer_s"]) == row["pairs"] >= 5
    assert row["ratio"]["median"] > 1.5
    assert row["agreement"]["ours"] == row["agreement"]["peer"] == 0
    assert {"spread", "others", "quiet"} == set(row["noise"])


@pytest.mark.parametrize("peer", ["wrong", "no number"])
def test_a_planted_wrong_peer_has_no_speed(rows: Any, peer: str) -> None:
    row = rows(case_of())[peer]
    assert row["state"] == "parity is red"
    assert not SPEED & set(row)
    assert not row["agreement"]["peer_holds"]


def test_nothing_has_a_speed_where_ours_is_wrong(rows: Any) -> None:
    for row in rows(case_of(ours=3.0)).values():
        assert not SPEED & set(row)
        assert row["state"] in ("parity is red", "absent", "failed")


def test_what_cannot_run_is_listed_with_its_reason(rows: Any) -> None:
    found = rows(case_of())
    assert (found["absent"]["state"], found["absent"]["why"]) == ("absent", "it has no wheel for this machine")
    assert (found["broken"]["state"], found["broken"]["why"]) == ("failed", "RuntimeError: it broke")


def test_peers_that_compile_come_after_all_others(tmp_path: Path) -> None:
    cases = [replace(case_of(), name=name) for name in ("one", "two")]
    plan = [(case, peer) for case in cases for peer in ("torch.compile, fp32", "right")]
    record = Record(tmp_path / "out.json", {}, [(case.name, peer) for case, peer in plan], dry_run=True, resume=False)
    setting = Setting(tiny=True, scratch=tmp_path, models=None, threads=1)
    made = Desk(setting, plan, record, budget_s=0.05, until_s=float("inf"))
    asked: list[Any] = []
    metafunc: Any = SimpleNamespace(fixturenames=["case_and_peer"], parametrize=lambda _, pairs, ids: asked.extend(ids))
    made.pytest_generate_tests(metafunc)
    assert asked == ["one: right", "two: right", "one: torch.compile, fp32", "two: torch.compile, fp32"]


def test_a_case_that_cannot_be_prepared_is_listed_for_each_of_its_peers(rows: Any) -> None:
    def prepare(_: Setting) -> Prepared:
        raise Absent("the model is not here")

    found = rows(Case(name="a/b", what="", prepare=prepare, peers=case_of().peers))
    assert {row["why"] for row in found.values()} == {"the model is not here"}


def test_what_the_minutes_leave_out_is_listed(rows: Any) -> None:
    assert {row["state"] for row in rows(case_of(), until_s=time.monotonic()).values()} == {"not measured"}


def test_a_peer_that_outlasts_the_minutes_is_left_and_the_next_ones_too(
    rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alarm itself is tried in a program of its own, see `test_deadline.py`: no process of tests gets a signal."""
    monkeypatch.setattr(desk, "deadline", lambda until_s: nullcontext())
    monkeypatch.setattr(desk, "_ELSE_S", 0.2)

    def endless(_: Any) -> Contender:
        time.sleep(0.5)
        raise TimeUp

    case = replace(case_of(), peers={"endless": endless, "right": case_of().peers["right"]})
    found = rows(case, until_s=time.monotonic() + 0.4)
    assert (found["endless"]["state"], found["endless"]["why"]) == ("not measured", "the time was up")
    assert found["right"]["why"].endswith("and 0 were left")


def test_what_others_disturbed_has_no_figure(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = {"spread": 0.01, "others": 0.16, "quiet": False}
    monkeypatch.setattr(Turns, "noise", lambda self: noise)
    monkeypatch.setattr(desk, "_MOST_OTHERS", 0.15)
    row = rows(case_of())["right"]
    assert (row["state"], row["why"]) == ("not measured", "others took 16 % of the processors meanwhile")
    assert not SPEED & set(row)
    noise["others"] = 0.15
    assert rows(case_of())["right"]["state"] == "measured"


def test_a_dry_run_takes_no_times(rows: Any) -> None:
    row = rows(case_of(), tiny=True)["right"]
    assert row["state"] == "measured"
    assert not SPEED & set(row)


def test_the_table_shows_no_speed_beside_a_wrong_answer(rows: Any) -> None:
    lines = {line.split(" | ")[0]: line for line in table({"rows": list(rows(case_of()).values())}).splitlines()}
    assert "x (" in lines["| right"]
    assert "beyond the limit, so no speed" in lines["| wrong"]
    assert "absent: it has no wheel" in lines["| absent"]
    assert "x (" not in lines["| wrong"]
    assert "| 1 |" in lines["| wrong"]


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """One group of each kind at the smallest size, by the command itself."""
    pytest.importorskip("pytest_benchmark")
    out = tmp_path_factory.mktemp("peers") / "out.json"
    wanted = (
        "decode/480p-112/*",
        "sentences/1/*",
        "nearest/noise-1/*",
        "encoder/shapes/transformers, fp32",
        "backbone/shapes/ONNX*",
        "tokens/shapes/PyAV, torch eager fp32*",
        "pipeline/*",
    )
    command = [sys.executable, "-m", "benchmarks.peers", str(out), "--dry-run", "--scratch", str(out.parent / "made")]
    done = subprocess.run(
        [*command, "--cases", *wanted], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    return done, json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def test_the_command_goes_through_every_kind_of_case(dry: Any) -> None:
    done, result = dry
    assert done.returncode == 0, done.stdout + done.stderr
    assert result["dry_run"]
    states = {(row["case"], row["peer"]): row["state"] for row in result["rows"]}
    for case in ("decode/480p-112", "nearest/noise-1", "encoder/shapes", "backbone/shapes", "tokens/shapes"):
        assert any(state == "measured" for (each, _), state in states.items() if each == case), case
    assert set(states.values()) <= {"measured", "absent", "parity is red"}


def test_what_is_absent_is_shown(dry: Any) -> None:
    done, result = dry
    absent = [row for row in result["rows"] if row["state"] == "absent"]
    assert any(row["case"] == "sentences/1" for row in absent)
    for row in absent:
        assert row["why"]
        assert row["why"] in done.stdout
    assert "SKIPPED" in done.stdout
