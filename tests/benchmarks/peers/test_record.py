"""The file of results is whole at every moment, and another run goes on with it or says why it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers.record import Record

PLAN = [("a", "one"), ("a", "two")]
WHERE = {"date": "2026-11-26", "cpu": "A", "load": 1.0}


def record(path: Path, where: dict[str, Any] = WHERE, **given: Any) -> Record:
    return Record(path, where, PLAN, **{"dry_run": False, "resume": True, **given})


def test_what_was_measured_stays_and_what_failed_is_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    first = record(path)
    first.put({"case": "a", "peer": "one", "state": "measured"})
    first.put({"case": "a", "peer": "two", "state": "failed", "why": "it broke"})
    again = record(path, WHERE | {"date": "2026-11-27", "load": 5.0})
    assert not again.open("a", "one")
    assert again.open("a", "two")
    again.save()
    assert [row["state"] for row in json.loads(path.read_text())["rows"]] == ["measured", "not measured"]


def test_what_was_measured_on_a_busy_machine_is_measured_again_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    first = record(path)
    first.put({"case": "a", "peer": "one", "state": "measured", "noise": {"quiet": False}})
    first.put({"case": "a", "peer": "two", "state": "measured", "noise": {"quiet": True}})
    assert not record(path).open("a", "one")
    again = record(path, again=True)
    assert again.open("a", "one")
    assert not again.open("a", "two")


def test_what_no_case_uses_may_be_there_or_not(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    record(path, WHERE | {"triton": "3.7.1", "nvidia-dali-cuda130": "2.4.0"}).put(
        {"case": "a", "peer": "one", "state": "measured"}
    )
    assert not record(path).open("a", "one")


@pytest.mark.parametrize(
    "given", [{"where": WHERE | {"cpu": "B"}}, {"where": WHERE | {"torch": "2"}}, {"dry_run": True}]
)
def test_another_machine_or_kind_of_run_is_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    path = tmp_path / "out.json"
    record(path).save()
    with pytest.raises(ValueError, match=r"out\.json"):
        record(path, **given)


def test_without_resume_all_is_measured_anew(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    record(path).put({"case": "a", "peer": "one", "state": "measured"})
    assert record(path, resume=False).open("a", "one")
