"""The steps one after the other on a tiny model: a result that is whole, and that goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.benchmarks.results_schema import problems
from tests.side_by_side import made_once
from tests.small_model import write_small_model

from benchmarks.int8 import points, tuned
from benchmarks.int8.__main__ import main
from benchmarks.int8.stage_runs import features, opened
from videobert.engines.openvino_engine import multiplies_int8
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.stage_lists import BACKBONE

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


def test_ranges_are_tuned_and_go_on_where_they_were_stopped(
    step: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = [tmp_path / f"{number}.mp4" for number in range(2)]
    for film in films:
        shutil.copyfile(BUNDLED / "shapes" / "clip.mp4", film)
    step("draw", *map(str, films), "--windows", "2")
    step("points")
    kept, made = tmp_path / "work" / "tuned.json", tmp_path / "work" / "points.json"
    step("tune", "--seconds", "0")
    assert not kept.exists()
    assert list(points.read(made)) == ["squares", "squares, bias"]
    errors = iter([0.5, 0.6, 0.4, 0.45, 0.7] + [1.0] * 1000)  # of the ranges as they are; of the first product's four
    monkeypatch.setattr(tuned, "_error", lambda *_: next(errors))
    step("tune")
    before, after = (points.read(made)[name].tops for name in ("squares, bias", "squares, bias, tuned"))
    first, *others = before
    assert after[first] == pytest.approx(0.85 * before[first], rel=1e-3)
    assert [after[name] for name in others] == [before[name] for name in others]
    assert points.read(made)["squares, bias, tuned"].shifts, "bias is corrected for the new ranges"
    tops = json.loads(kept.read_text())
    kept.write_text(json.dumps(tops | {first: 2 * tops[first]}))
    step("tune")
    assert points.read(made)["squares, bias, tuned"].tops[first] == 2 * tops[first], "it is not tried again"


def test_tuning_looks_at_the_features(model_folder: Path, tmp_path: Path) -> None:
    folder = ModelFolder(model_folder)
    size = (2, folder.recipe.frames, folder.recipe.crop, folder.recipe.crop, 3)
    clips = np.random.default_rng(0).integers(0, 255, size, np.uint8)
    ranges = points.by_rule(folder, BACKBONE, [clip[None] for clip in clips])["squares"]
    with opened(folder, "fp32") as engine:
        true = features(engine, clips)
    fine = tuned._error(folder, ranges, clips, true)
    coarse = tuned._error(
        folder, replace(ranges, tops={name: 50 * top for name, top in ranges.tops.items()}), clips, true
    )
    assert 0 < fine < coarse
