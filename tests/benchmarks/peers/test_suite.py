"""What the set of `make bench` has of the whole."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest

from benchmarks.peers.suite import ONLY_IN_THE_WHOLE, pairs

WHOLE = [f"{case.name}/{peer}" for case, peer in pairs(whole=True)]
SET = [f"{case.name}/{peer}" for case, peer in pairs()]


def words(names: list[str]) -> set[str]:
    """Libraries, precisions, models and sizes."""
    return {word for name in names for word in re.split(r"[/, ]+", name)}


def test_the_set_has_every_model_every_library_and_every_precision() -> None:
    assert words(SET) == words(WHOLE)


def test_the_set_is_a_part_of_the_whole_in_its_order() -> None:
    assert [name for name in WHOLE if name in set(SET)] == SET
    assert len(SET) < len(WHOLE)


@pytest.mark.parametrize("pattern", ONLY_IN_THE_WHOLE)
def test_what_only_the_whole_has_is_there(pattern: str) -> None:
    assert any(fnmatchcase(name, pattern) for name in WHOLE)


def test_a_pattern_picks_from_the_whole() -> None:
    found = [f"{case.name}/{peer}" for case, peer in pairs(["backbone/paper/*compile*", "sentences/1/*"])]
    assert found == [name for name in WHOLE if name.startswith(("sentences/1/", "backbone/paper/torch.compile"))]
    assert not set(found) <= set(SET)


def test_a_pattern_that_fits_nothing_says_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"no case fits 'backbones/\*'; there are decode/480p-112, .*backbone/paper"):
        pairs(["backbones/*"])
