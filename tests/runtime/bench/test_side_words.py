"""What is compared, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.base.errors import UsageError
from videobert.bench.side_words import parse_side


def test_words_behind_colons_are_options_of_load() -> None:
    side = parse_side("my-model:cuda:torch:bf16")
    assert (side.model, side.saved) == ("my-model", None)
    assert side.options == {"device": "cuda", "engine": "torch", "precision": "bf16"}
    assert parse_side("shapes").options == {}


def test_what_stands_on_the_disk_is_that(tmp_path: Path) -> None:
    folder = tmp_path / "a:bf16"
    folder.mkdir()
    assert parse_side(folder).model == str(folder)
    (tmp_path / "old:fp32.json").write_text("{}")
    assert parse_side(tmp_path / "old:fp32.json").saved == tmp_path / "old:fp32.json"


@pytest.mark.parametrize("text", ["shapes:", "shapes:fp31", ":bf16", "shapes:bf16:fp32", "shapes:auto", ""])
def test_what_is_no_side_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_side(text)
