"""`embed`: several texts at once are each what it is alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.real_everyday import needs_everyday
from tests.small_conse import open_small_conse

import videobert
from videobert.base.errors import InputError, UsageError
from videobert.runtime import Runtime

TEXTS = ["a red square", "a dark circle", "red", "a red square"]


@pytest.fixture(scope="module")
def conse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A family that encodes texts together."""
    with open_small_conse(tmp_path_factory.mktemp("conse")) as model:
        yield model


@pytest.fixture(scope="module", params=["together", "one by one"])
def model(request: pytest.FixtureRequest, model_folder: Path, cache_dir: Path, conse: Runtime) -> Iterator[Runtime]:
    if request.param == "together":
        yield conse
    else:
        with videobert.load(model_folder, cache_dir=cache_dir) as alone:
            yield alone


@pytest.mark.parametrize("kind", [list, tuple])
def test_each_of_several_texts_is_what_it_is_alone(model: Runtime, kind: type) -> None:
    found = model.embed(text=kind(TEXTS))
    assert [each.kind for each in found] == ["text"] * len(TEXTS)
    for each, text in zip(found, TEXTS, strict=True):
        alone = model.embed(text=text)
        np.testing.assert_allclose(each.vector, alone.vector, rtol=1e-5, atol=1e-6)
        assert each.vector.dtype == alone.vector.dtype
        assert (each.origin, each.comparable, each.unknown_words) == (
            alone.origin,
            alone.comparable,
            alone.unknown_words,
        )


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
def test_sentences_of_a_real_encoder_do_not_depend_on_those_beside_them() -> None:
    texts = [
        "a dog",
        "someone drives down a street in the rain",
        "two people wrestle with their arms at a table",
        "a cat",
    ]
    with videobert.load("everyday", precision="fp32") as model:
        for each, text in zip(model.embed(text=texts), texts, strict=True):
            np.testing.assert_allclose(each.vector, model.embed(text=text).vector, atol=1e-5)
