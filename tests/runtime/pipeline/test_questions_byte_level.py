"""Labels in templates of a model that reads pieces of bytes: a label has the pieces that it has in the sentence."""

from __future__ import annotations

from typing import Any

import pytest
from tests.small_byte_level import byte_level, vocabulary

from videobert.base.errors import UsageError
from videobert.base.limits import Limits
from videobert.families.videobert import VideoBert
from videobert.model.config import EncoderConfig, ModelConfig
from videobert.pipeline.questions import Question
from videobert.text.reader import TextTokenizer

SIZE = 400
CONFIG = ModelConfig(name="t", words=SIZE, visual_tokens=4, encoder=EncoderConfig(positions=64, segments=1))


def asked(*templates: str, labels: tuple[str, ...] = ("red", "blue")) -> Question:
    def run(*_: Any, **__: Any) -> Any:
        raise AssertionError("nothing is run to prepare a question")

    tokenizer = TextTokenizer(byte_level(SIZE, mask_takes_space=False), CONFIG, Limits())
    return Question(templates, labels, tokenizer, VideoBert(CONFIG, tokenizer, run))


@pytest.mark.parametrize("template", ["a [MASK] circle", "a <mask> circle", "a {label} circle"])
def test_a_label_inside_a_sentence_brings_its_space(template: str) -> None:
    words = vocabulary(SIZE)[0]
    (only,) = asked(template).asked
    assert [probe.pieces for probe in only.probes] == [(words["a"], SIZE - 1, words["Ġcircle"])]
    assert only.words == tuple(sorted((words["Ġred"], words["Ġblue"])))


def test_one_that_begins_a_sentence_does_not() -> None:
    words = vocabulary(SIZE)[0]
    first, second = asked("[MASK] circle", "a [MASK]").asked
    assert first.words == tuple(sorted((words["red"], words["blue"])))
    assert second.words == tuple(sorted((words["Ġred"], words["Ġblue"])))
    assert first.probes[0].mask == 0


def test_a_template_needs_one_place_however_it_is_written() -> None:
    with pytest.raises(UsageError, match="one place"):
        asked("a [MASK] and a <mask>")
    assert asked("a {label} and a <mask>").asked[0].probes[0].pieces.count(SIZE - 1) == 2
