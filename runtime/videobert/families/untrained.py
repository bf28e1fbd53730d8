"""Which untrained parts of a model an answer rests on: a random head answers as surely as a trained one."""

from __future__ import annotations

from collections.abc import Iterable

from videobert.families.family import Capability
from videobert.families.registry import FAMILIES
from videobert.model.config import ModelConfig
from videobert.model.questions import question_stage
from videobert.model.stage_lists import BACKBONE


def untrained_behind(
    config: ModelConfig,
    *capabilities: Capability,
    text: bool = False,
    video: bool = False,
    questions: Iterable[str] = (),
) -> tuple[str, ...]:
    """The names of `config.untrained` that an answer used, in their order; empty for a trained model.

    Args:
        capabilities: what was asked of the family.
        text, video: whether a text, a video or what was saved of one went in.
        questions: those of the model that were answered.
    """
    if not config.untrained:
        return ()
    used = {BACKBONE} if video else set()
    asked = set(capabilities)
    for name in questions:
        question = config.questions[name]
        answers = question.of or name
        stage = question_stage(answers, config.questions[answers])
        if stage is None:
            asked.add("classifies")
        else:
            used.add(stage)
    told = FAMILIES[config.family].parts(config)
    for capability in asked:
        parts = told[capability]
        used |= {*parts.always, *(parts.text if text else ()), *(parts.video if video else ())}
    return tuple(name for name in config.untrained if name in used)
