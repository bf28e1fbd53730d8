"""What other processes take of the processors is told from what this one and its children do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from videobert.base import others_share
from videobert.base.others_share import OthersShare


@pytest.fixture
def stat(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """`/proc/stat` of a made machine with ticks of 10 ms; the process itself is idle."""
    path = tmp_path / "stat"
    path.write_text("cpu 0 0 0 0 0 0 0 0 0 0\n", encoding="utf-8")
    monkeypatch.setattr(others_share, "_STAT", path)
    monkeypatch.setattr(others_share.os, "sysconf", lambda name: 100)
    monkeypatch.setattr(others_share.os, "times", lambda: others_share.os.times_result((0.0, 0.0, 0.0, 0.0, 0.0)))
    return path


def test_waiting_for_a_disk_is_nobodys(stat: Path) -> None:
    share = OthersShare()
    stat.write_text("cpu 80 10 10 50 50 0 0 0 0 0\ncpu0 1 2\n", encoding="utf-8")
    assert share.found() == pytest.approx(0.5)


def test_a_child_at_work_is_no_other(stat: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(others_share, "_PROCESSES", tmp_path)
    (tmp_path / "7").mkdir()
    fields = tmp_path / "7" / "stat"
    fields.write_text("7 (a ) b) S" + " 1" * 10 + " 5 5 0\n", encoding="utf-8")
    share = OthersShare(children=(7,))
    stat.write_text("cpu 80 10 10 50 50 0 0 0 0 0\n", encoding="utf-8")
    fields.write_text("7 (a ) b) S" + " 1" * 10 + " 65 35 0\n", encoding="utf-8")
    assert share.found() == pytest.approx(0.05)
    fields.unlink()
    assert share.found() is None


def test_a_share_is_never_more_than_all(stat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat.write_text("cpu 1 0 0 0 0 0 0 0 0 0\n", encoding="utf-8")
    share = OthersShare()
    # Divided by 100 a tick each, and subtracted, these come out as a hair more.
    stat.write_text("cpu 30 0 0 0 0 0 0 0 0 0\n", encoding="utf-8")
    monkeypatch.setattr(others_share.os, "times", lambda: others_share.os.times_result((-1e-9, 0.0, 0.0, 0.0, 0.0)))
    assert share.found() == 1.0


@pytest.mark.parametrize("content", [None, "", "cpu\n", "cpu a b c d e f g h\n", "cpu 1 2 3\n"])
def test_where_the_system_does_not_tell_nothing_is_known(content: str | None, stat: Path) -> None:
    if content is None:
        stat.unlink()
    else:
        stat.write_text(content, encoding="utf-8")
    assert OthersShare().found() is None


def test_no_time_has_no_share(stat: Path) -> None:
    assert OthersShare().found() is None


def test_a_real_machine_tells() -> None:
    share = OthersShare()
    time.sleep(0.05)
    found = share.found()
    assert found is None or 0 <= found <= 1
