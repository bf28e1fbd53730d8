"""The bundled model: small enough, described by its own evaluation, and right about its own clip."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import videobert
from videobert.model.folder import ModelFolder, find
from videobert_modeling.train.shapes.card import missed_bars, model_card
from videobert_modeling.train.shapes.demo import demo_film
from videobert_modeling.train.shapes.world import ATTRIBUTES

ROOT = Path(__file__).parents[4]
RESULTS = ROOT / "benchmarks" / "results" / "shapes_eval.json"
REAL_FILM = ROOT / "tests" / "media" / "bigbuckbunny.mp4"


@pytest.fixture(scope="module")
def folder() -> Path:
    return find("shapes")


def test_it_is_at_most_20_megabytes_and_its_clip_one(folder: Path) -> None:
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 20e6
    assert (folder / "clip.mp4").stat().st_size < 1e6


def test_every_file_is_what_the_manifest_says(folder: Path) -> None:
    ModelFolder(folder).verify()


def test_the_card_is_written_from_the_committed_evaluation(folder: Path) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert (folder / "README.md").read_text(encoding="utf-8") == model_card(results, folder)


def test_the_committed_evaluation_is_of_this_model_to_the_byte(folder: Path) -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert results["origin"]["recipe"] == ModelFolder(folder).recipe.hash
    assert results["films"]["seen"] >= 200
    assert results["films"]["unseen"] >= 200
    for name, digest in results["model"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_it_met_every_bar() -> None:
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    assert missed_bars(results) == []
    assert "out_of_domain" in results


def test_a_real_film_is_out_of_domain_and_its_own_clip_is_not(folder: Path) -> None:
    with videobert.load("shapes") as model:
        assert model.run(REAL_FILM).out_of_domain
        assert not model.run(folder / "clip.mp4").out_of_domain


def test_it_tells_what_happens_in_its_own_clip(folder: Path) -> None:
    with videobert.load("shapes") as model:
        report = model.run(folder / "clip.mp4")
    for event in demo_film().events:
        middle = (event.start_s + event.end_s) / 2
        segment = next(s for s in report.segments if s.start_s <= middle < s.end_s)
        answers = {name: segment.answers[name][0].text for name in ATTRIBUTES}
        assert answers == {name: getattr(event.scene, name) for name in ATTRIBUTES}
    assert not report.out_of_domain
