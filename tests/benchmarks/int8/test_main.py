"""The steps one after the other on a tiny model: a result that is whole, and that goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.results_schema import problems
from tests.side_by_side import made_once
from tests.small_model import write_small_model

from benchmarks.int8 import points
from benchmarks.int8.__main__ import main
from videobert.engines.openvino_engine import multiplies_int8
from videobert.model.folder import BUNDLED

pytestmark = pytest.mark.skipif(not multiplies_int8(), reason="the processor has no VNNI")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "small-model", write_small_model)


@pytest.fixture
def step(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(points, "RULES", {"squares": "squares"})

    def run(what: str, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["int8", what, str(model_folder), str(tmp_path / "work"), *words])
        main()

    return run


def test_windows_are_drawn_and_judged(step: Any, tmp_path: Path) -> None:
    films = [tmp_path / f"{number}.mp4" for number in range(3)]
    for film in films:
        shutil.copyfile(BUNDLED / "shapes" / "clip.mp4", film)
    step("draw", *map(str, films), "--windows", "5")
    drawn = json.loads((tmp_path / "work" / "drawn.json").read_text())
    assert drawn["calibration_films"] == ["0.mp4"]
    assert drawn["windows"] == ["1.mp4"] * 5 + ["2.mp4"] * 5
    step("points")
    out = tmp_path / "out.json"
    step("judge", "--out", str(out), "--points", "fp32", "bf16")
    assert "points" not in json.loads(out.read_text())  # some have no features yet
    step("judge", "--out", str(out))
    found = json.loads(out.read_text())
    assert problems(found) == []
    assert (found["windows"], found["films"]) == (10, 2)
    assert list(found["points"]) == ["fp32", "bf16", "squares", "squares, bias"]
    assert found["points"]["fp32"]["same_token"]["hits"] == 10
    assert 0 < found["points"]["squares, bias"]["median_error"] < 0.2
    kept = sorted((tmp_path / "work").glob("*.npy"))
    times = [path.stat().st_mtime_ns for path in kept]
    step("judge", "--out", str(out))
    assert [path.stat().st_mtime_ns for path in kept] == times
