"""The whole training chain at toy size: it ends in a model folder that the runtime opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import videobert
from videobert_modeling.train.shapes import train
from videobert_modeling.train.world import ATTRIBUTES


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def trained(work: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("models") / "shapes"
    return out, train(out, work, scale="smoke")


def test_the_chain_ends_in_a_folder_that_answers_about_its_own_clip(trained: tuple[Path, dict[str, Any]]) -> None:
    out, _ = trained
    with videobert.load(out) as model:
        report = model.run(out / "clip.mp4")
        assert set(report.segments[0].answers) == set(ATTRIBUTES)
        assert report.duration_s == pytest.approx(10.5, abs=0.05)


def test_the_card_quotes_the_figures_of_the_evaluation(trained: tuple[Path, dict[str, Any]]) -> None:
    out, results = trained
    card = (out / "README.md").read_text(encoding="utf-8")
    for split in ("seen", "unseen"):
        value = results[split]["alignment"]["random"]["value"]
        assert f"{value:.3f}" in card
        for name in ATTRIBUTES:
            assert f"{100 * results[split]['cloze'][name]['value']:.1f}" in card
    assert "one generated world only" in card


def test_bars_that_a_toy_model_misses_are_called_missed(trained: tuple[Path, dict[str, Any]]) -> None:
    out, results = trained
    card = (out / "README.md").read_text(encoding="utf-8")
    assert results["seen"]["cloze"]["motion"]["value"] < 0.95
    assert "Missed bars: cloze motion, seen" in card


def test_a_second_run_takes_every_stage_from_the_cache_and_publishes_the_same_model(
    trained: tuple[Path, dict[str, Any]], work: Path
) -> None:
    out, results = trained
    files = _files(out)
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*")}
    assert train(out, work, scale="smoke") == results
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*")} == before
    assert _files(out) == files


def _files(folder: Path) -> dict[str, str]:
    """Hashes of the model's files; its clip is drawn anew, and x264 does not repeat itself to the byte."""
    files: dict[str, str] = json.loads((folder / "manifest.json").read_text())["files"]
    del files["clip.mp4"]
    return files
