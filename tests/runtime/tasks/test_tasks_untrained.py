"""Every verb says which untrained parts its answer rests on, and nothing of others; a trained model says nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from grey_engine import GreyEngine, array

from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.results.as_json import to_json
from videobert.runtime import Runtime

ALIGNMENT, TEXT, VISUAL, TOKENS, BACKBONE = "alignment_head", "text_head", "visual_head", "visual_tokens", "backbone"


class AllHeads(GreyEngine):
    """One that has the other heads too, which know nothing."""

    def run(self, stage: str, **inputs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if stage == ALIGNMENT:
            return np.zeros(len(inputs["states"]), np.float32)
        if stage == VISUAL:
            return np.zeros((len(inputs["states"]), len(self.leaves)), np.float32)
        return super().run(stage, **inputs)


@pytest.fixture
def untrained(model_folder: Path) -> Iterator[Any]:
    """Opens the model with some of its parts marked."""
    opened: list[Runtime] = []

    def open_with(*parts: str) -> Runtime:
        folder = ModelFolder(model_folder)
        folder.config = dataclasses.replace(folder.config, untrained=parts)
        engine = AllHeads()
        opened.append(Runtime(folder, engine, Limits()))
        engine.leaves = opened[-1].codebook.leaves
        return opened[-1]

    yield open_with
    for model in opened:
        model.close()


def test_each_verb_says_what_its_answer_rests_on(untrained: Any) -> None:
    model = untrained(ALIGNMENT, TEXT, VISUAL, TOKENS, BACKBONE)
    video, text = array([3, 40]), "a [MASK] square"
    question = next(iter(model.config.questions))
    answers = {
        "align": model.align(video, "a red square"),
        "embed text": model.embed(text="a red square"),
        "embed video": model.embed(video),
        "fill text": model.fill(text),
        "fill video": model.fill(text, video),
        "fill moment": model.fill("a red square", video, [0]),
        "classify": model.classify(video, question=question),
        "tokens": model.tokens(video),
        "features": model.features(video),
        "run": model.run(video),
        "saved": model.align(model.tokens(video), "a red square"),
    }
    stream = model.stream(video)
    list(stream)
    answers["stream"] = stream.report()
    assert {name: answer.origin.untrained for name, answer in answers.items()} == {
        "align": (ALIGNMENT, TOKENS, BACKBONE),
        "embed text": (),
        "embed video": (TOKENS, BACKBONE),
        "fill text": (TEXT,),
        "fill video": (TEXT, TOKENS, BACKBONE),
        "fill moment": (VISUAL, TOKENS, BACKBONE),
        "classify": (TEXT, TOKENS, BACKBONE),
        "tokens": (BACKBONE,),
        "features": (BACKBONE,),
        "run": (TEXT, TOKENS, BACKBONE),
        "saved": (ALIGNMENT, TOKENS, BACKBONE),
        "stream": (TEXT, TOKENS, BACKBONE),
    }
    assert to_json(answers["align"])["origin"]["untrained"] == [ALIGNMENT, TOKENS, BACKBONE]
    assert "untrained" not in to_json(answers["embed text"])["origin"]


def test_only_the_answers_that_rest_on_a_part_say_so(untrained: Any) -> None:
    model = untrained(ALIGNMENT)
    video = array([3, 40])
    assert model.align(video, "a red square").origin.untrained == (ALIGNMENT,)
    assert model.run(video).origin.untrained == ()
    assert "untrained" not in to_json(model.run(video))["origin"]
