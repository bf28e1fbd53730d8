"""Cached stages: skipped when done, resumed when interrupted, redone when anything before them changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert_modeling.train.cached_steps import CachedSteps, Report


class Recorder:
    """Two stages that note each time they are built."""

    def __init__(self, work_dir: Path) -> None:
        self.built: list[str] = []
        self._work_dir = work_dir

    def go(self, first: int = 1, second: int = 1, *, fail: bool = False) -> Path:
        stages = CachedSteps(self._work_dir)
        stages.run("first", {"value": first}, self._build("first"))
        return stages.run("second", {"value": second}, self._build("second", fail), after=("first",))

    def _build(self, name: str, fail: bool = False):  # type: ignore[no-untyped-def]
        def build(folder: Path, report: Report) -> None:
            self.built.append(name)
            with (folder / "steps").open("a") as file:
                file.write("x")
            if fail:
                raise KeyboardInterrupt

        return build


def test_a_finished_stage_is_not_built_again(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    assert recorder.go() == recorder.go()
    assert recorder.built == ["first", "second"]


def test_a_changed_setting_redoes_the_stage_and_all_after_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    before = recorder.go()
    assert recorder.go(second=2) != before
    assert recorder.built == ["first", "second", "second"]
    assert recorder.go(first=2) != before
    assert recorder.built == ["first", "second", "second", "first", "second"]


def test_an_interrupted_stage_finds_what_it_had_written_and_is_not_taken_for_finished(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        recorder.go(fail=True)
    folder = recorder.go()
    assert recorder.built == ["first", "second", "second"]
    assert (folder / "steps").read_text() == "xx"


def test_progress_names_the_stage_and_ends_whole(tmp_path: Path) -> None:
    heard: list[tuple[str, float, float | None]] = []
    stages = CachedSteps(tmp_path, lambda *step: heard.append(step))
    stages.run("first", {}, lambda folder, report: report(0.5, "half"))
    assert heard == [("first half", 0.5, 1.0), ("first", 1.0, 1.0)]


def test_the_time_of_an_interrupted_try_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 40.0, 100.0, 102.0])
    monkeypatch.setattr("videobert_modeling.train.cached_steps.time.perf_counter", lambda: next(clock))

    def stop(folder: Path, report: Report) -> None:
        raise KeyboardInterrupt

    stages = CachedSteps(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        stages.run("slow", {}, stop)
    stages.run("slow", {}, lambda folder, report: None)
    assert stages.seconds == {"slow": 42.0}
