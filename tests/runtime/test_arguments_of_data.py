"""What the public types are made of meets every kind of odd value: it is right, or refused with a next step."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.odd_values import ODD, WHOLE, answered

from videobert.base.errors import InputError, UsageError
from videobert.base.limits import Limits
from videobert.model.folder import find
from videobert.model.recipe import Recipe
from videobert.report.html import html_page
from videobert.results.as_json import to_json
from videobert.runtime import Runtime, load
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray
from videobert.visual.codebook import Codebook, Level
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_features import VideoFeatures

OF_OPEN_CLIPS: list[tuple[str, set[str]]] = [
    ("source", set()),
    ("recipe", set()),
    ("limits", {"None"}),
    ("on_progress", {"None"}),
    ("cancel", {"None"}),
    ("threads", WHOLE | {"None", "int"}),
    ("decoder_threads", WHOLE | {"None", "int"}),
    ("track", {"None", "zero"}),
    ("decoder", set()),
    ("device", set()),
    ("on_frame", {"None"}),
]


# What tokens of two clips are made of.
FIELDS: dict[str, Any] = {
    "first_s": 0.0,
    "last_end_s": 3.0,
    "percentiles": [50, 50],
    "ids": [1, 2],
    "padded_frames": 0,
    "stride": 1,
    "clip_s": Fraction(3, 2),
    "model": "tiny",
    "codebook": "0" * 16,
    "clip_recipe": "1" * 16,
    "assignment": "flat",
    "engine": "openvino",
    "precision": "fp32",
}


@pytest.fixture(scope="module")
def model(cache_dir: Path) -> Iterator[Runtime]:
    with load("shapes", cache_dir=cache_dir, precision="fp32") as runtime:
        yield runtime


@pytest.fixture(scope="module")
def kept(model: Runtime) -> VideoFeatures:
    return model.features(find("shapes") / "clip.mp4")


@pytest.mark.parametrize("argument", [*FIELDS, "percentile", "out_of_domain", "origin", "unheard_of"])
def test_tokens_that_can_be_made_can_be_used(argument: str) -> None:
    def used(value: Any) -> None:
        tokens = VisualTokens.on_grid(**(FIELDS | {argument: value}))
        assert tokens.ids.dtype == np.int32
        assert (type(tokens.stride), type(tokens.padded_frames)) == (int, int)
        assert repr(tokens)
        assert len(tokens.strided(tokens.stride)) == len(tokens)
        to_json(tokens)
        assert VisualTokens.from_bytes(tokens.to_bytes()) == tokens

    taken = answered(used)
    if argument in ("stride", "padded_frames"):
        assert (
            taken & (WHOLE | {"True", "float", "whole float", "NaN"})
            == {
                "stride": {"numpy byte"},
                "padded_frames": WHOLE,
            }[argument]
        )
    if argument == "ids":
        assert taken == {"array", "twice", "bytearray"}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(VisualTokens)])
def test_a_field_of_tokens_is_right_or_refused(field: str) -> None:
    good = VisualTokens.on_grid(**FIELDS)

    def used(value: Any) -> None:
        tokens = dataclasses.replace(good, **{field: value})
        assert len({len(tokens.ids), len(tokens.start_s), len(tokens.end_s), len(tokens.percentiles)}) == 1
        tokens.to_bytes()

    answered(used)


def test_the_rest_of_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = VisualTokens.on_grid(**FIELDS)
    assert answered(good.strided) == WHOLE | {"int"}
    assert answered(VisualTokens.load) == set()
    assert answered(VisualTokens.from_bytes) == set()
    assert answered(good.save) == {"text", "number text", "path"}
    content = good.to_bytes()
    for same in (bytearray(content), memoryview(content)):
        assert VisualTokens.from_bytes(same) == good  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="need other fields"):
        VisualTokens.on_grid(first_s=0, last_end_s=1, percentiles=np.zeros(1, np.float32), ids=[1])


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(VideoFeatures)])
def test_a_field_of_features_is_right_or_refused(field: str, kept: VideoFeatures, tmp_path: Path) -> None:
    def used(value: Any) -> None:
        features = dataclasses.replace(kept, **{field: value})
        assert repr(features)
        assert len(features.strided(features.stride)) == len(features.start_s) == len(features.end_of_clip_s)
        to_json(features)
        if field != "origin":
            assert VideoFeatures.from_bytes(features.to_bytes()) == features

    answered(used)


def test_the_rest_of_features(kept: VideoFeatures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert answered(kept.strided) == WHOLE | {"int"}
    assert answered(VideoFeatures.load) == set()
    assert answered(VideoFeatures.from_bytes) == set()
    assert answered(kept.save) == {"text", "number text", "path"}
    content = kept.to_bytes()
    for same in (bytearray(content), memoryview(content)):
        assert VideoFeatures.from_bytes(same) == kept  # type: ignore[arg-type]


@pytest.mark.parametrize("argument", ["leaves", "distances", "backbone_hash", "clip_hash", "levels", "agreement"])
def test_a_codebook_that_can_be_made_can_be_used(argument: str, tmp_path: Path) -> None:
    good: dict[str, Any] = {
        "leaves": np.eye(4, dtype=np.float32),
        "distances": np.array([0, 1], np.float32),
        "backbone_hash": "0" * 16,
        "clip_hash": "1" * 16,
        "seed": np.int64(3),
        "samples": np.int32(9),
    }

    def used(value: Any) -> None:
        codebook = Codebook(**(good | {argument: value}))
        assert repr(codebook)
        codebook.save(tmp_path / "codebook.safetensors")
        assert Codebook.load(tmp_path / "codebook.safetensors").hash == codebook.hash

    answered(used)
    level = Level(np.eye(4, dtype=np.float32)[:2], np.array([0, 2, 4]))
    assert Codebook(**good, levels=[level]).levels == (level,)  # type: ignore[arg-type]


def test_the_rest_of_a_codebook(model: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    codebook = model.codebook
    feature = np.zeros((1, codebook.dim), np.float32)
    assert answered(codebook.assign) == set()
    assert answered(lambda method: codebook.assign(feature, method)) == set()
    assert answered(lambda threads: codebook.assign(feature, threads=threads)) == WHOLE | {"None", "int", "zero"}
    assert answered(lambda given: codebook.check(given, codebook.clip_hash)) == set()
    assert answered(Codebook.load) == set()
    assert answered(Codebook.from_bytes) == set()
    assert answered(codebook.save) == {"text", "number text", "path"}
    with pytest.raises(InputError, match="distances are not numbers"):
        codebook.percentile([0.0, math.nan])
    np.testing.assert_array_equal(codebook.percentile([-1, math.inf]), [0, 100])
    answered(codebook.percentile)
    with pytest.raises(InputError, match=r"cannot be written; got no/x \(No such file"):
        codebook.save("no/x")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Recipe)])
def test_a_recipe_that_can_be_made_comes_back_from_json(field: str) -> None:
    def used(value: Any) -> None:
        recipe = Recipe(**{field: value})
        assert Recipe.from_json(recipe.to_json()) == recipe
        assert recipe.hash

    taken = answered(used)
    if field in ("frames", "stride", "crop"):
        assert taken == WHOLE | {"int"}
    if field in ("frame_choice", "colour"):
        assert taken == set()
    assert answered(Recipe.from_json) == set()


@pytest.mark.parametrize("field", ["max_duration_s", "max_side_px", "max_text_chars"])
def test_limits_are_numbers(field: str) -> None:
    taken = answered(lambda value: Limits(**{field: value}))
    real = (
        {"zero", "float", "whole float", "numpy float", "fraction", "infinity"} if field == "max_duration_s" else set()
    )
    assert taken == WHOLE | {"int", "huge", "too huge to print"} | real


def test_every_argument_of_open_clips_is_tried() -> None:
    assert {name for name, _ in OF_OPEN_CLIPS} == set(inspect.signature(open_clips).parameters)


@pytest.mark.parametrize(("argument", "taken"), OF_OPEN_CLIPS)
def test_open_clips_opens_or_says_what_is_wrong(argument: str, taken: set[str]) -> None:
    good: dict[str, Any] = {
        "source": FrameArray(np.zeros((3, 8, 8, 3), np.uint8), np.arange(3.0)),
        "recipe": Recipe(fps=5, frames=2, short_side=8, crop=8),
    }

    def used(value: Any) -> None:
        with open_clips(**(good | {argument: value})) as stream:
            assert list(itertools.islice(stream, 2))

    # A class can be called; what comes of it is the caller's.
    assert answered(used, without=frozenset({"class"})) == taken


@pytest.mark.parametrize("field", ["frames", "times_s"])
def test_frames_and_their_times_are_numbers(field: str) -> None:
    good: dict[str, Any] = {"frames": np.zeros((2, 4, 4, 3), np.uint8), "times_s": [0, 1]}
    assert answered(lambda value: FrameArray(**(good | {field: value}))) == ({"array"} if field == "times_s" else set())


def test_a_report_and_nothing_else_becomes_a_page() -> None:
    assert answered(html_page) == set()


def test_what_json_has_no_form_for_is_refused() -> None:
    taken = answered(to_json, without=frozenset({"endless numbers", "endless texts"}))
    refused = {
        *("numpy date", "array of objects", "complex", "set", "generator", "empty generator", "bytes", "no bytes"),
        *("bytearray", "memory of floats", "memory with gaps", "released memory", "closed file", "text file"),
        *("no path", "decimal", "object", "class", "slice", "nasty", "deep", "frames without times"),
        *("a time that is text", "a frame that is ragged"),
    }
    assert set(ODD) - taken - {"endless numbers", "endless texts"} == refused
    assert to_json({"a": [np.int8(1), np.float32(0.5), np.array([[1.5]]), Path("x"), np.str_("y"), np.True_]}) == {
        "a": [1, 0.5, [[1.5]], "x", "y", True]
    }


def test_what_a_caller_gives_is_read_once() -> None:
    from videobert.base.arguments import texts

    class Once:
        asked = 0

        def __iter__(self) -> Iterator[str]:
            self.asked += 1
            return iter(["red", "blue"])

    once = Once()
    assert texts("labels", once, example="[]") == ("red", "blue")
    assert once.asked == 1
