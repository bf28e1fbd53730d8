"""`tokens`: a video as visual tokens."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from videobert.model.folder import no_tokens
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.watched import watch_shots
from videobert.visual.tokens import VisualTokens


def tokens(opened: OpenedModel, video: Any, request: Request) -> VisualTokens:
    """See `Runtime.tokens`."""
    # Before the video is read: a model without visual tokens has none to give.
    if not opened.has_tokens:
        raise no_tokens(opened.config.name)
    # Whatever the model is: `events` and `caption` look at every video shot by shot.
    watched = watch_shots(opened, video, request, always=True)
    # Where tokens are the labels of a question, its classifier found them.
    question = opened.config.token_question
    named = () if question is None else (question,)
    tokens = cast(VisualTokens, watched.tokens)
    labels = None if question is None else opened.config.questions[question].labels
    return dataclasses.replace(
        tokens,
        names=None if labels is None else tuple(labels[token] for token in tokens.ids.tolist()),
        cuts_s=watched.cuts_s,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, video=True, questions=named),
    )
