"""What a model can be asked: by its heads, its questions, and whether it sees; and what its card says of it."""

from __future__ import annotations

import dataclasses
from typing import get_args

import pytest

from videobert.cli.main import VERBS
from videobert.families.verbs_of import HEADING, section_of, verbs_of, with_section
from videobert.get.everyday_config import everyday_config
from videobert.model.config import ModelConfig
from videobert.model.folder import find
from videobert.model.summary import Verb


@pytest.fixture
def shapes() -> ModelConfig:
    return ModelConfig.read(find("shapes") / "config.json")


def test_verbs_stand_in_the_order_of_the_command(shapes: ModelConfig) -> None:
    # `stream` is `run` while the video comes.
    asked = [verb for verb, group in VERBS.items() if group == "Use a model" and verb != "stream"]
    assert list(get_args(Verb)) == asked
    assert list(verbs_of(shapes, sees=True)) == asked


def test_what_a_model_lacks_is_not_asked_of_it(shapes: ModelConfig) -> None:
    assert verbs_of(shapes, sees=False) == ("embed", "fill")
    without = dataclasses.replace(shapes, heads=("text", "visual"), questions={})
    assert set(verbs_of(shapes, sees=True)) - set(verbs_of(without, sees=True)) >= {"align", "sentiment", "caption"}
    real = verbs_of(everyday_config("everyday"), sees=True)
    assert {"run", "caption", "locate", "search", "edit"} <= set(real)
    assert not {"fill", "forecast", "sentiment"} & set(real)


def test_the_card_names_them_once_whatever_stood_there(shapes: ModelConfig) -> None:
    everyday = everyday_config("everyday")
    assert "`edit`: `videobert VERB --help` says how." in section_of(shapes, sees=True)
    assert "Not of this model" not in section_of(shapes, sees=True)
    assert section_of(everyday, sees=True).endswith("Not of this model: `fill`, `forecast`, `sentiment`.")
    bare = "# m\n\nA model.\n"
    first = with_section(bare, everyday, sees=True)
    assert first == f"{bare}\n{section_of(everyday, sees=True)}\n"
    assert with_section(first, everyday, sees=True) == first
    between = with_section(f"{first}\n## Limits\n\nMany.\n", shapes, sees=False)
    assert between == f"{bare}\n{section_of(shapes, sees=False)}\n\n## Limits\n\nMany.\n"
    assert between.count(HEADING) == 1
