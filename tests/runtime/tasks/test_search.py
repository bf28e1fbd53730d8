"""`search`: by text, by video and by a stretch of one, in models with a space in common and without."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_conse import NumpyEngine, film, open_small_conse
from tests.small_model import mp4

from videobert.base.errors import InputError, LimitExceeded, MismatchError, ModelError, UsageError
from videobert.index.reader import open_index
from videobert.results.search import Found
from videobert.runtime import Runtime

# The classifier knows channels by the names of `COLOURS`.
RED, BLUE, GREEN, DARK = (220, 10, 10), (10, 220, 10), (10, 10, 220), (4, 4, 4)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runtime, Path]]:
    """A model, and an index of four films."""
    place = tmp_path_factory.mktemp("search", numbered=True)
    (place / "films").mkdir()
    films = {"red": film(RED, seconds=6.0), "blue": film(BLUE), "mixed": film(GREEN, RED, GREEN), "dark": film(DARK)}
    for name, frames in films.items():
        (place / "films" / f"{name}.mp4").write_bytes(mp4(frames))
    with open_small_conse(place / "model") as model:
        model.index(place / "films", place / "index")
        yield model, place


def named(found: Found) -> list[tuple[str, float, float]]:
    return [(Path(hit.source).stem, hit.start_s, hit.end_s) for hit in found]


def test_a_text_finds_the_stretches_that_show_it_each_moment_once(made: tuple[Runtime, Path]) -> None:
    model, place = made
    found = model.search("a red square", place / "index")
    assert sorted(named(found)[:2]) == [("mixed", 3.0, 6.0), ("red", 0.0, 6.0)]
    assert found.fits is True
    assert (found.kind, found.method, found.videos, found.stretches) == ("text", "vectors, alignment", 4, 14)
    assert (found.percentile, found.out_of_domain) == (None, None)
    assert found.hits[0].thumbnail.startswith(b"\xff\xd8")
    values = [hit.score for hit in found]
    assert values == sorted(values, reverse=True)


def test_scores_are_those_of_align(made: tuple[Runtime, Path]) -> None:
    model, place = made
    found = model.search("a blue square", place / "index", top=1)
    alignment = model.align(place / "films" / "blue.mp4", "a blue square")
    assert found.hits[0].score == pytest.approx(max(window.score for window in alignment.windows), abs=1e-3)


def test_a_text_is_encoded_once_and_stretches_are_judged_together(made: tuple[Runtime, Path]) -> None:
    model, place = made
    engine = model._opened.engine
    assert isinstance(engine, NumpyEngine)
    before = len(engine.calls)
    model.search("a blue square moves left", place / "index")
    assert sorted(engine.calls[before:]) == ["colour_head", "text_encoder"]


def test_where_nothing_fits_it_says_so(made: tuple[Runtime, Path]) -> None:
    model, place = made
    found = model.search("dark", place / "index")
    assert found.fits is False
    assert all(hit.score < 0.5 for hit in found)
    dark = next(hit for hit in found if hit.source.endswith("dark.mp4"))
    assert dark.unsure


def test_a_video_and_a_stretch_of_one_find_what_is_like_them(made: tuple[Runtime, Path]) -> None:
    model, place = made
    found = model.search(place / "films" / "blue.mp4", place / "index")
    assert named(found)[0] == ("blue", 0.0, 3.0)
    assert (found.kind, found.method, found.query, found.fits) == ("video", "vectors", "blue.mp4", None)
    assert found.hits[0].score == pytest.approx(1.0, abs=1e-5)
    part = model.search(place / "films" / "mixed.mp4", place / "index", span=(3.2, 5.0))
    assert part.span == (3.2, 5.0)
    assert sorted(named(part)[:2]) == [("mixed", 3.0, 6.0), ("red", 0.0, 6.0)]
    frames = model.search(film(GREEN), place / "index", top=2)
    assert sorted(named(frames)) == [("mixed", 0.0, 3.0), ("mixed", 6.0, 9.0)]


def test_an_index_that_was_opened_is_taken_and_top_limits(made: tuple[Runtime, Path]) -> None:
    model, place = made
    reader = open_index(place / "index")
    assert len(model.search("red", reader, top=2)) == 2
    assert named(model.search("red", reader, top=100)) == named(model.search("red", place / "index", top=100))


def test_an_index_of_another_model_is_refused(made: tuple[Runtime, Path], tmp_path: Path) -> None:
    _, place = made
    with open_small_conse(tmp_path / "other", name="another") as other:
        for query in ("red", place / "films" / "red.mp4"):
            with pytest.raises(MismatchError, match="another model"):
                other.search(query, place / "index")


@pytest.mark.parametrize(
    ("query", "options", "error"),
    [
        ("red", {"span": (0, 1)}, UsageError),
        ("", {}, InputError),
        ("red", {"top": 0}, UsageError),
        ("blue.mp4", {"span": (1, 0)}, UsageError),
        ("blue.mp4", {"span": 3}, UsageError),
        ("blue.mp4", {"span": (0, float("nan"))}, UsageError),
        ("blue.mp4", {"span": (50, 60)}, InputError),
        ("nowhere.mp4", {}, InputError),
    ],
    ids=str,
)
def test_what_cannot_be_meant_is_refused(
    made: tuple[Runtime, Path], query: str, options: dict[str, Any], error: type[Exception]
) -> None:
    model, place = made
    asked: Any = place / "films" / query if query.endswith(".mp4") else query
    with pytest.raises(error):
        model.search(asked, place / "index", **options)


def test_a_place_without_an_index_is_refused(made: tuple[Runtime, Path]) -> None:
    model, place = made
    with pytest.raises(InputError, match="no index"):
        model.search("red", place / "films")


@pytest.fixture
def joint(grey: Runtime, tmp_path: Path) -> tuple[Runtime, Path]:
    """A model whose text and video have no space in common, and an index of two films of its own."""
    from tests.small_model import frames_of

    (tmp_path / "films").mkdir()
    for seed in (1, 2):
        (tmp_path / "films" / f"{seed}.mp4").write_bytes(mp4(frames_of(9.0, seed)))
    grey.index(tmp_path / "films", tmp_path / "index")
    return grey, tmp_path / "index"


def test_a_joint_encoder_holds_a_text_against_every_stretch(
    joint: tuple[Runtime, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, index = joint
    if not model._opened.can("aligns"):
        pytest.skip("this model does not align")
    found = model.search("red", index)
    assert found.method == "alignment"
    reader = open_index(index)
    assert found.stretches == len(reader)
    monkeypatch.setattr("videobert.pipeline.index_matches.MOST_ALIGNED", len(reader) - 1)
    with pytest.raises(LimitExceeded, match="every stretch"):
        model.search("red", index)


def test_a_joint_encoder_without_alignment_is_asked_by_a_video_only(
    joint: tuple[Runtime, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, index = joint
    opened = model._opened
    monkeypatch.setattr(
        opened,
        "config",
        dataclasses.replace(opened.config, heads=tuple(h for h in opened.config.heads if h != "alignment")),
    )
    with pytest.raises(ModelError, match="belongs to a video"):
        model.search("red", index)


def test_a_model_that_compares_keeps_the_lengths_of_its_vectors(tmp_path: Path) -> None:
    from tests.small_milnce import open_small_milnce

    (tmp_path / "films").mkdir()
    for name, colour in (("red", RED), ("blue", BLUE)):
        (tmp_path / "films" / f"{name}.mp4").write_bytes(mp4(film(colour)))
    with open_small_milnce(tmp_path / "model") as model:
        model.index(tmp_path / "films", tmp_path / "index")
        reader = open_index(tmp_path / "index")
        assert not reader.identity.unit
        word = next(iter(model._opened.tokenizer.words)) if hasattr(model._opened.tokenizer, "words") else "red"
        found = model.search(word, reader)
        assert found.fits is None
        assert all(hit.similarity is not None for hit in found)
        like = model.search(tmp_path / "films" / "red.mp4", reader, top=1)
        assert Path(like.hits[0].source).stem == "red"
        assert like.hits[0].score <= 1 + 1e-5
        assert np.isfinite(like.hits[0].score)
