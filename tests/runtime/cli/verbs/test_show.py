"""`videobert show`: what a model knows, in text and as JSON."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from videobert.doctor.model_summary import summarize
from videobert.model.folder import find
from videobert.results.as_json import to_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(find("shapes"), tmp_path / "mine", ignore=shutil.ignore_patterns("*.*.onnx")))


def test_everything_is_told(call: Any) -> None:
    ended = call("show", "shapes")
    assert ended.code == 0
    for told in (
        "can            run, tokens, features, embed, fill, classify, align, caption, answer, events, forecast, index",
        "runs with      openvino, from the graphs; torch, from the weights",
        'words          45: ",", a, and, ',
        "bounces, bouncing",
        "special words  [CLS], [MASK]",
        "question       colour: red, green, blue, yellow, purple, white",
        "codebook       1,684 visual tokens of 256 values",
        "encoder        3 layers of 256, 4 heads, 128 positions",
        "recipe         30 frames at 20 a second = 1.5 s a clip",
        "graphs         backbone, encoder, text_head, visual_head, alignment_head",
        "licence        Apache-2.0",
        "limit          One object at a time",
    ):
        assert told in ended.out, told
    assert "problem" not in ended.out


def test_the_bundled_model_is_shown_where_none_is_named(call: Any) -> None:
    assert call("show").out == call("show", "shapes").out


def test_json_is_the_whole_summary(call: Any) -> None:
    assert call("show", "shapes", "--json").json == to_json(summarize("shapes"))


def test_all_words_are_a_line_each(call: Any) -> None:
    lines = call("show", "shapes", "--words").out.splitlines()
    assert len(lines) == 45
    assert "yellow" in lines


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_it_fits_the_terminal(width: int, watch: Any) -> None:
    whole = set(watch(9000, "show", term="dumb").out.split())
    shown = watch(width, "show", term="dumb").out
    assert set(shown.split()) <= whole
    for line in shown.splitlines():
        # The folder's path is one word.
        assert len(line) <= width or len(line.split()) == 1 or line.startswith("folder")


def test_a_folder_that_is_not_finished_says_what_is_missing(call: Any, folder: Path) -> None:
    for name in ("manifest.json", "codebook.safetensors"):
        (folder / name).unlink()
    ended = call("show", folder)
    assert ended.code == 0
    assert "problem: manifest.json is missing" in ended.out
    assert f"fix: Run `videobert build {folder}`." in ended.out
    assert f"fix: Run `videobert cluster VIDEOS --model {folder}`." in ended.out
    assert "can            nothing yet: see the problems" in ended.out
    assert [problem["what"].split()[0] for problem in call("show", folder, "--json").json["problems"]] == [
        "manifest.json",
        "codebook.safetensors",
    ]


def test_words_that_cannot_be_read_are_an_error(call: Any, folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(b"{")
    ended = call("show", folder, "--words")
    assert (ended.code, ended.out) == (3, "")
    assert "tokenizer.json cannot be read" in ended.err


def test_hostile_texts_of_a_folder_stay_harmless(call: Any, folder: Path) -> None:
    (folder / "README.md").write_text("# m\n\nA \x1b]0;owned\x07 [red]card[/red]\u202e.\n\n## Limits\n- \x1b[2J\n")
    out = call("show", folder).out
    assert "\\x1b]0;owned" in out
    assert "[red]card[/red]" in out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_a_model_that_is_not_there_is_an_error(call: Any, tmp_path: Path) -> None:
    assert call("show", tmp_path / "none").code == 3
    (tmp_path / "empty").mkdir()
    assert "not a model folder" in call("show", tmp_path / "empty").err
