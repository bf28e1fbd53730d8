"""Every stage run once and the model's questions prepared, so that the first answer does not pay for that."""

from __future__ import annotations

import numpy as np

from videobert.families.family import Joint
from videobert.model.stage_lists import SHOT_BOUNDARIES, SHOT_FRAMES, SHOT_HEIGHT, SHOT_WIDTH
from videobert.pipeline.label_scorer import prepare_questions
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.scoring import Clips


def warm_up(opened: OpenedModel) -> None:
    """See `Runtime.warmup`. A model without a codebook is warmed up for text alone."""
    seen = clip = None
    if opened.sees:
        recipe = opened.recipe
        frames = np.zeros((recipe.frames, recipe.crop, recipe.crop, 3), np.uint8)
        seen = opened.feature(frames).result().feature[None]
        ids = opened.assign(seen)[0] if opened.has_tokens else np.zeros(0, np.int32)
        clip = Clips(ids=ids, features=seen)
    if isinstance(opened.family, Joint):
        _warm_up_joint(opened, opened.family, clip)
    if seen is not None:
        for classifier in opened.feature_classifiers.values():
            classifier.judge(seen)
        if opened.config.shots is not None:
            opened.run(SHOT_BOUNDARIES, frames=np.zeros((1, SHOT_FRAMES, SHOT_HEIGHT, SHOT_WIDTH, 3), np.uint8))
    chooses = opened.chooses_labels
    if chooses is not None:
        chooses.prepare()


def _warm_up_joint(opened: OpenedModel, family: Joint, clip: Clips | None) -> None:
    mask = [opened.tokenizer.special.mask]
    if clip is None:
        sequence = family.text(mask)
        states = next(family.states([(sequence, (sequence.text_start,))]))
        if opened.can("fills_words"):
            family.word_log_probs(states)
        return
    sequence = family.joint(mask, clip)
    states = next(family.states([(sequence, (sequence.whole, sequence.text_start))]))
    if opened.can("fills_words"):
        family.word_log_probs(states)
    if opened.can("classifies"):
        prepare_questions(opened)
    if opened.can("fills_moments"):
        family.moment_log_probs(states, opened.codebook.leaves if clip.features is None else clip.features)
    if opened.can("aligns"):
        opened.aligns.log_odds(mask, [clip])
