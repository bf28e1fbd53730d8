"""The whole training chain at toy size: it ends in a model folder that the runtime opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import videobert
from videobert.base.errors import InputError
from videobert_modeling.train.shapes.chain import train
from videobert_modeling.train.shapes.world import ATTRIBUTES

REAL_FILM = Path(__file__).parents[3] / "media" / "bigbuckbunny.mp4"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def trained(work: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("models") / "shapes"
    return out, train(out, work, scale="smoke", real_film=REAL_FILM)


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


def test_the_out_of_domain_signal_is_measured_on_the_whole_real_film_and_on_nine_views(
    trained: tuple[Path, dict[str, Any]],
) -> None:
    out, results = trained
    measured = results["out_of_domain"]
    with videobert.load(out) as model:
        whole = model.tokens(REAL_FILM)
    assert measured["real_clips"] == {"whole": len(whole), "views": 9 * len(whole)}
    assert measured["area"]["n"] == [10 * len(whole), sum(results["clips"].values())]
    assert f"`{REAL_FILM.name}`: {len(whole)} of the whole picture" in (out / "README.md").read_text(encoding="utf-8")


def test_a_second_run_takes_every_stage_from_the_cache_and_publishes_the_same_model(
    trained: tuple[Path, dict[str, Any]], work: Path, tmp_path: Path
) -> None:
    out, results = trained
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*")}
    assert train(tmp_path / "again", work, scale="smoke", real_film=REAL_FILM) == results
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*")} == before
    assert _files(tmp_path / "again") == _files(out)


def test_a_run_from_nothing_with_the_same_seed_gives_the_same_model_to_the_byte(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    results = train(tmp_path / "again", tmp_path / "work", scale="smoke")
    assert "out_of_domain" not in results
    assert "The bar of the out-of-domain signal was not measured" in (tmp_path / "again" / "README.md").read_text()
    again, first = _files(tmp_path / "again"), _files(trained[0])
    del again["README.md"], first["README.md"]  # which tells how long it took
    assert again == first


def test_what_stands_in_the_place_of_the_model_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="taken"):
        train(tmp_path, tmp_path / "work", scale="smoke")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def _files(folder: Path) -> dict[str, str]:
    files: dict[str, str] = json.loads((folder / "manifest.json").read_text())["files"]
    return files
