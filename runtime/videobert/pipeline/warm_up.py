"""Every stage run once and the model's questions prepared, so that the first answer does not pay for that."""

from __future__ import annotations

import numpy as np

from videobert.pipeline.label_scorer import prepare_questions
from videobert.pipeline.opened import OpenedModel


def warm_up(opened: OpenedModel) -> None:
    """See `Runtime.warmup`. A model without a codebook is warmed up for text alone."""
    family, mask = opened.family, [opened.tokenizer.special.mask]
    if not opened.sees:
        sequence = family.text(mask)
        states = next(family.states([(sequence, (sequence.text_start,))]))
        if opened.can("fills_words"):
            family.word_log_probs(states)
        return
    recipe = opened.recipe
    feature, _ = opened.feature(np.zeros((recipe.frames, recipe.crop, recipe.crop, 3), np.uint8)).result()
    ids, _ = opened.assign(feature[None])
    sequence = family.joint(mask, ids)
    states = next(family.states([(sequence, (sequence.whole, sequence.text_start))]))
    if opened.can("fills_words"):
        family.word_log_probs(states)
    if opened.can("classifies"):
        prepare_questions(opened)
    if opened.can("fills_moments"):
        family.moment_log_probs(states)
    if opened.can("aligns"):
        family.alignment_log_odds(states[:1])
