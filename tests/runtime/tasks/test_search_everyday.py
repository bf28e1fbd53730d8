"""Real film is found by plain English: the model `everyday`, on the films of `tests/media`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.real_everyday import needs_everyday

from videobert.index.reader import IndexReader, open_index
from videobert.runtime import Runtime, load

pytestmark = needs_everyday

MEDIA = Path(__file__).parents[2] / "media"


@pytest.fixture(scope="module")
def model() -> Iterator[Runtime]:
    with load("everyday", precision="fp32") as opened:
        yield opened


@pytest.fixture(scope="module")
def index(model: Runtime, tmp_path_factory: pytest.TempPathFactory) -> IndexReader:
    folder = tmp_path_factory.mktemp("everyday", numbered=True) / "index"
    assert model.index(MEDIA, folder).failed == ()
    return open_index(folder)


@pytest.mark.parametrize("query", ["driving a car", "someone is driving a car down a road", "cars in traffic"])
def test_the_street_is_found_first(model: Runtime, index: IndexReader, query: str) -> None:
    assert Path(model.search(query, index).hits[0].source).name == "driving_car.mp4"


def test_what_nothing_shows_does_not_fit(model: Runtime, index: IndexReader) -> None:
    assert model.search("playing the violin", index).fits is False


def test_a_film_is_most_like_itself(model: Runtime, index: IndexReader) -> None:
    for name in ("driving_car.mp4", "bigbuckbunny.mp4"):
        assert Path(model.search(MEDIA / name, index, top=1).hits[0].source).name == name
