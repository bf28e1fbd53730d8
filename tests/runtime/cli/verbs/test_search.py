"""`videobert search`: hits best first, and what to make of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from videobert.index.identity import Head, IndexIdentity


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """As much of an index as tells which model made it."""
    return write_head(tmp_path / "films.index", "shapes")


def write_head(folder: Path, model: str) -> Path:
    folder.mkdir()
    identity = IndexIdentity(model=model, weights="w", recipe="r", stride=1, width=4, feature_width=0, unit=True)
    (folder / "index.json").write_bytes(Head(identity=identity, generation=1).content())
    return folder


def test_a_program_gets_score_times_marks_and_path(call: Any, fake: Any, index: Path) -> None:
    ended = call("search", index, "a dog", "--top", "3")
    assert ended.out.splitlines() == [
        "0.875\t1.500\t4.500\t\t/films/a.mp4",
        "0.250\t0.000\t1.500\tunsure\t/films/b.mp4",
    ]
    asked, args, options = fake.asked[0]
    assert (asked, args, options["top"], options["span"]) == ("search", ("a dog", index), 3, None)


def test_a_person_gets_a_table_and_doubt_first(call: Any, watch: Any, fake: Any, index: Path) -> None:
    fake.fits = False
    shown = watch(60, "search", index, "a dog").out.splitlines()
    assert "unsure" in shown[0]
    assert any("1.5–4.5 s" in line and "a.mp4" in line for line in shown)
    assert all(len(line) <= 60 for line in shown)
    assert "unsure" in call("search", index, "a dog").err


def test_nothing_found_is_said(call: Any, fake: Any, index: Path) -> None:
    fake.finds, fake.fits = False, False
    ended = call("search", index, "a dog")
    assert (ended.code, ended.out) == (0, "")
    assert "no stretches" in ended.said


def test_a_stretch_of_a_video_is_asked_about(call: Any, fake: Any, index: Path) -> None:
    ended = call("search", index, "--video", "clip.mp4", "--span", "1:05-1:07.5", "--json")
    assert (ended.json["kind"], ended.json["span"]) == ("video", [65.0, 67.5])
    # A str would be a text.
    assert fake.asked[0][1][0] == Path("clip.mp4")
    assert "thumbnail" not in ended.json["hits"][0]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("a dog", "--video", "clip.mp4"),
        ("a dog", "--span", "1-2"),
        ("--video", "clip.mp4", "--span", "2-1"),
        ("--video", "clip.mp4", "--span", "soon"),
        ("a dog", "--top", "0"),
        ("a dog", "--html", "/nowhere/page.html"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_a_model_is_loaded(
    call: Any, fake: Any, index: Path, words: tuple[str, ...]
) -> None:
    assert call("search", index, *words).code == 2
    assert fake.loaded == {}


def test_the_model_is_the_indexs_own_or_the_one_that_was_typed(call: Any, fake: Any, index: Path) -> None:
    assert call("search", index, "a dog").code == 0
    assert fake.loaded["name"] == "shapes"
    assert call("search", index, "a dog", "--model", "mine").code == 0
    assert fake.loaded["name"] == "mine"


@pytest.mark.parametrize("name", ["nobody-has-this", "/tmp", "..", ""])
def test_what_an_index_says_is_a_name_and_no_folder(call: Any, fake: Any, tmp_path: Path, name: str) -> None:
    ended = call("search", write_head(tmp_path / "index", name), "a dog")
    assert ended.code == 2
    assert "--model" in ended.said
    assert fake.loaded == {}


def test_a_folder_without_an_index_says_how_to_make_one(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("search", tmp_path, "a dog")
    assert ended.code == 3
    assert "videobert index" in ended.said


def test_a_page_is_written(call: Any, fake: Any, index: Path, tmp_path: Path) -> None:
    page = tmp_path / "found.html"
    assert call("search", index, "a <b>dog</b>", "--html", page).code == 0
    text = page.read_text(encoding="utf-8")
    assert "file:///films/a.mp4#t=1.500,4.500" in text
    assert "<b>dog" not in text


def test_the_page_takes_no_place_of_the_index_or_of_a_video(call: Any, fake: Any, index: Path, tmp_path: Path) -> None:
    head = (index / "index.json").read_bytes()
    ended = call("search", index, "a dog", "--html", index / "index.json")
    assert (ended.code, "--html lies in the index" in ended.err) == (2, True)
    assert (index / "index.json").read_bytes() == head
    film = tmp_path / "film.mp4"
    film.write_bytes(b"film")
    (tmp_path / "link.html").symlink_to(film)
    ended = call("search", index, "--video", film, "--html", tmp_path / "link.html")
    assert (ended.code, "--html would overwrite a video" in ended.err) == (2, True)
    assert film.read_bytes() == b"film"
    assert not fake.asked
