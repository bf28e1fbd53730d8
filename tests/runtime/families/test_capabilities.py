"""What a model can be asked: by its family and heads, and what every verb says of a model that lacks it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, get_args, get_type_hints

import numpy as np
import pytest
from tests.one_output import OneOutput

from videobert.base.errors import ModelError
from videobert.base.limits import Limits
from videobert.families.family import Aligns, Embeds, Joint
from videobert.families.registry import FAMILIES, capabilities_of, lacks
from videobert.families.videobert import VideoBert
from videobert.model.config import HEADS, ModelConfig
from videobert.model.folder import ModelFolder
from videobert.model.stage_lists import STAGE_LISTS
from videobert.runtime import Runtime

CONFIG = ModelConfig(name="t", words=100, visual_tokens=50)


class NoEngine(OneOutput):
    """Whatever is refused is refused before a stage runs."""

    name, device, precision, parallel, takes_device_arrays = "none", "CPU", "fp32", 1, False
    fallback: str | None = None

    def run(self, stage: str, **inputs: Any) -> Any:
        raise AssertionError(f"the {stage} was run")

    def prepare(self) -> None:
        pass

    def close(self) -> None:
        pass


def model_with(folder: Path, *heads: str) -> Runtime:
    opened = ModelFolder(folder)
    opened.config = dataclasses.replace(opened.config, heads=heads)
    return Runtime(opened, NoEngine(), Limits())


def test_every_family_is_known_everywhere() -> None:
    named = get_args(get_type_hints(ModelConfig)["family"])
    assert set(FAMILIES) == set(STAGE_LISTS) == set(named)


@pytest.mark.parametrize(
    ("heads", "able"),
    [
        (("text",), {"fills_words", "classifies", "embeds"}),
        (("visual",), {"fills_moments", "embeds", "forecasts"}),
        (("alignment",), {"aligns", "embeds"}),
        ((), {"embeds"}),
        (HEADS, {"fills_words", "fills_moments", "aligns", "embeds", "classifies", "forecasts"}),
    ],
)
def test_heads_give_capabilities(heads: tuple[str, ...], able: set[str]) -> None:
    assert capabilities_of(dataclasses.replace(CONFIG, heads=heads)) == able


@pytest.mark.parametrize(
    ("heads", "missing", "ask"),
    [
        (("visual", "alignment"), "text", lambda model, video: model.fill("a [MASK] square")),
        (("visual", "alignment"), "text", lambda model, video: model.fill("a [MASK] square", video)),
        (("text", "alignment"), "visual", lambda model, video: model.fill("a red square", video, visual=[0])),
        (("text", "alignment"), "visual", lambda model, video: model.fill("a [MASK] square", video, visual=[0])),
        (("text", "visual"), "alignment", lambda model, video: model.align(video, "a red square")),
        (("visual", "alignment"), "text", lambda model, video: model.classify(video, question="colour")),
        (("visual", "alignment"), "text", lambda model, video: model.classify(video, ["red"], ["a [MASK]"])),
        (("visual", "alignment"), "text", lambda model, video: model.run(video)),
        (("visual", "alignment"), "text", lambda model, video: model.stream(video)),
    ],
    ids=["fill-text", "fill-video", "fill-moment", "fill-both", "align", "classify", "own-labels", "run", "stream"],
)
def test_a_verb_says_what_is_missing_and_which_models_have_it(
    model_folder: Path,
    make_video: Callable[..., Any],
    heads: tuple[str, ...],
    missing: str,
    ask: Callable[[Runtime, Any], Any],
) -> None:
    with (
        model_with(model_folder, *heads) as model,
        pytest.raises(ModelError, match=f"this model has no {missing} head, so it cannot") as refused,
    ):
        ask(model, make_video(3.0, 1))
    assert str(refused.value.allowed).startswith(f"videobert with the {missing} head")
    assert "such as shapes" in str(refused.value.fix)
    assert all(head in str(refused.value.seen) for head in heads)


def test_a_family_without_a_capability_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Mute(VideoBert):
        head_for: ClassVar = {
            name: head for name, head in VideoBert.head_for.items() if name not in ("aligns", "embeds", "forecasts")
        }

    monkeypatch.setitem(FAMILIES, "mute", Mute)
    config = dataclasses.replace(CONFIG, family="mute")  # type: ignore[arg-type]
    assert capabilities_of(config) == {"fills_words", "fills_moments", "classifies"}
    error = lacks(config, "embeds")
    assert error.what == "models of the family mute cannot turn a video or a text into a vector"
    assert error.allowed == "videobert; conse; univl; milnce"
    able = "videobert with the alignment head; conse; univl with the alignment head; milnce"
    assert lacks(config, "aligns").allowed == able
    assert lacks(config, "forecasts").allowed == "videobert with the visual head; next_token"
    assert "conse" not in str(lacks(config, "fills_words").allowed)


def test_a_planted_family_answers_in_place_of_the_first(
    model_folder: Path, make_video: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks ask the family alone: one that runs no head of its own gives its own numbers."""

    class Planted(VideoBert):
        def states(self, asked: Any, cancel: Any = None) -> Any:
            for _, places in asked:
                yield np.full((len(places), 64), 2.0, np.float32)

        def log_odds(self, pieces: Any, stretches: Any, cancel: Any = None) -> Any:
            return np.full(len(stretches), 1.0, np.float32)

    monkeypatch.setitem(FAMILIES, "videobert", Planted)
    with model_with(model_folder, "text") as model:
        assert all(isinstance(model._opened.family, kind) for kind in (Aligns, Embeds, Joint))
        np.testing.assert_array_equal(model.embed(text="a red square").vector, np.full(64, 2.0))
