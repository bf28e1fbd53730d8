"""A machine under load is told from a quiet one."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.base import others_share
from videobert.bench import noise
from videobert.bench.noise import NoiseProbe


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """`/proc/stat` of a made machine with ticks of 10 ms; the process itself is idle."""
    stat = tmp_path / "stat"
    monkeypatch.setattr(others_share, "_STAT", stat)
    monkeypatch.setattr(noise, "_ROUNDS", 1000)
    monkeypatch.setattr(noise.os, "sysconf", lambda name: 100)
    monkeypatch.setattr(noise.os, "times", lambda: noise.os.times_result((0.0, 0.0, 0.0, 0.0, 0.0)))
    return stat


def times_of(monkeypatch: pytest.MonkeyPatch, probe: NoiseProbe, lengths: list[float]) -> None:
    """Let the probe see work that took so long."""
    ticks = iter([tick for each, length in enumerate(lengths) for tick in (float(each), each + length)])
    monkeypatch.setattr(noise.time, "perf_counter", lambda: next(ticks))
    for _ in range(len(lengths) // noise._AT_ONCE):
        probe.look()


def test_steady_work_on_an_idle_machine_is_quiet(clock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.write_text("cpu 100 0 0 1000 0 0 0 0 0 0\ncpu0 1 2\n", encoding="utf-8")
    probe = NoiseProbe()
    times_of(monkeypatch, probe, [0.01, 0.0101] * 8)
    clock.write_text("cpu 101 0 0 1199 0 0 0 0 0 0\n", encoding="utf-8")
    found = probe.found()
    assert found.others == pytest.approx(1 / 200)
    assert found.quiet
    assert found.spread < 0.01


def test_others_at_work_are_seen_though_the_work_is_steady(clock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock.write_text("cpu 0 0 0 0 0 0 0 0 0 0\n", encoding="utf-8")
    probe = NoiseProbe()
    times_of(monkeypatch, probe, [0.01] * 8)
    # Half of the processors' time is somebody's; waiting for a disk is nobody's.
    clock.write_text("cpu 80 10 10 50 50 0 0 0 0 0\n", encoding="utf-8")
    found = probe.found()
    assert found.others == pytest.approx(0.5)
    assert not found.quiet


def test_unsteady_work_is_noise(clock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = NoiseProbe()
    times_of(monkeypatch, probe, [0.01, 0.012, 0.014, 0.02] * 4)
    found = probe.found()
    # The system does not tell: there is no such file.
    assert found.others is None
    assert not found.quiet


def test_a_real_machine_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noise, "_ROUNDS", 1000)
    probe = NoiseProbe()
    probe.look()
    found = probe.found()
    assert 0 <= found.spread < 10
    assert found.others is None or 0 <= found.others <= 1
