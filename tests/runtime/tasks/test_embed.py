"""`embed`: several texts at once are each what it is alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.numpy_univl import open_numpy_univl
from tests.real_everyday import needs_everyday
from tests.small_conse import open_small_conse
from tests.small_milnce import open_small_milnce

import videobert
from videobert.base.errors import Cancelled, InputError, UsageError
from videobert.model.precision import Precision
from videobert.pipeline.reading import read_text
from videobert.runtime import Runtime

TEXTS = ["a red square", "a square", "red", "a red square", "the square is blue"]
# Of models whose engines compute in numpy.
PLAIN: dict[str, Callable[[Path], Runtime]] = {
    "conse": open_small_conse,
    "milnce": open_small_milnce,
    "univl": open_numpy_univl,
}


@pytest.fixture(scope="module")
def conse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    with open_small_conse(tmp_path_factory.mktemp("conse")) as model:
        yield model


@pytest.fixture(scope="module", params=[*PLAIN, "videobert"])
def model(
    request: pytest.FixtureRequest, model_folder: Path, cache_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runtime]:
    if request.param in PLAIN:
        opened = PLAIN[request.param](tmp_path_factory.mktemp(request.param))
    else:
        opened = videobert.load(model_folder, cache_dir=cache_dir)
    with opened:
        yield opened


@pytest.mark.parametrize("kind", [list, tuple])
def test_each_of_several_texts_is_what_it_is_alone(model: Runtime, kind: type) -> None:
    found = model.embed(text=kind(TEXTS))
    assert [each.kind for each in found] == ["text"] * len(TEXTS)
    for each, text in zip(found, TEXTS, strict=True):
        alone = model.embed(text=text)
        np.testing.assert_array_equal(each.vector, alone.vector)
        assert each.vector.dtype == alone.vector.dtype
        assert (each.origin, each.comparable, each.unknown_words) == (
            alone.origin,
            alone.comparable,
            alone.unknown_words,
        )


def test_texts_share_calls_of_their_encoder(model: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, calls = model._opened.engine, []
    run = engine.run

    def counted(stage: str, **inputs: Any) -> Any:
        calls.append(stage)
        return run(stage, **inputs)

    monkeypatch.setattr(engine, "run", counted)
    model.embed(text=TEXTS * 3)
    assert len(calls) == 1


def test_each_vector_is_an_array_of_its_own(model: Runtime) -> None:
    """One that is kept keeps no others."""
    for each in model.embed(text=TEXTS * 3):
        assert each.vector.base is None or each.vector.base.nbytes == each.vector.nbytes


def test_reading_many_texts_can_be_cancelled(conse: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    cancel, read = threading.Event(), []

    def read_one(opened: Any, text: str) -> Any:
        read.append(text)
        cancel.set()
        return read_text(opened, text)

    monkeypatch.setattr("videobert.tasks.embed.read_text", read_one)
    with pytest.raises(Cancelled):
        conse.embed(text=TEXTS, cancel=cancel)
    assert read == TEXTS[:1]


def test_no_texts_are_no_vectors(model: Runtime) -> None:
    assert model.embed(text=[]) == []


@pytest.mark.parametrize("wrong", [{"red"}, {"red": 1}, 3, iter(["red"])])
def test_what_is_no_list_of_texts_is_refused(model: Runtime, wrong: object) -> None:
    with pytest.raises(UsageError, match="text"):
        model.embed(text=wrong)  # type: ignore[call-overload]


def test_a_text_that_is_none_or_empty_is_refused_wherever_it_stands(model: Runtime) -> None:
    with pytest.raises(InputError, match="empty"):
        model.embed(text=["a red square", " "])
    with pytest.raises(UsageError):
        model.embed(text=["a red square", 3])  # type: ignore[list-item]


def test_a_video_takes_one_text(conse: Runtime) -> None:
    with pytest.raises(UsageError, match="several texts"):
        conse.embed(np.zeros((30, 48, 48, 3), np.uint8), text=["red", "dark"])  # type: ignore[call-overload]


@needs_everyday
@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_sentences_of_a_real_encoder_do_not_depend_on_those_beside_them(precision: Precision) -> None:
    texts = [
        "a dog",
        "someone drives down a street in the rain",
        "two people wrestle with their arms at a table",
        "a cat",
        # From some tens of words on, kernels add up in other parts beside padding.
        *(" ".join(["a man rides a horse over the hill and", *["on"] * more]) for more in (24, 28, 31, 38, 53)),
    ]
    with videobert.load("everyday", precision=precision) as model:
        for each, text in zip(model.embed(text=texts), texts, strict=True):
            np.testing.assert_array_equal(each.vector, model.embed(text=text).vector)
