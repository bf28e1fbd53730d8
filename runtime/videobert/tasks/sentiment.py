"""`sentiment`: how a video feels, by a question of the model; and what the words of a text suggest, if asked."""

from __future__ import annotations

from typing import Any

import numpy as np

from videobert.base.errors import ModelError, UsageError
from videobert.families.family import Capability
from videobert.model.questions import SENTIMENT_QUESTIONS, sentiment_question
from videobert.pipeline.classifier_scorer import ClassifierScorer
from videobert.pipeline.label_evidence import label_evidence
from videobert.pipeline.label_scorer import LabelScorer
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import Scorer
from videobert.pipeline.text_sentiment import LABELS, text_sentiment
from videobert.pipeline.watched import Watched, watch
from videobert.pipeline.windows import window_size, windows
from videobert.results.candidate import Candidate
from videobert.results.classify import Segment
from videobert.results.sentiment import Sentiment, TextMethod, TextSentiment


def sentiment(opened: OpenedModel, video: Any, text: str | None, with_evidence: bool, request: Request) -> Sentiment:
    """See `Runtime.sentiment`."""
    if video is None and text is None:
        raise UsageError("there is nothing to judge", fix="Give a video, a text or both.")
    if video is None and with_evidence:
        raise UsageError(
            "a text alone has no clips that its sentiment could rest on",
            seen="evidence=True and no video",
            fix="Give a video too, or leave evidence out.",
            fix_cli="Give a video too, or leave --evidence out.",
        )
    name = sentiment_question(opened.config.questions)
    if video is not None and name is None and (text is None or with_evidence):
        raise _no_head(opened)
    if name is None or video is None:
        of_text = _of_text(opened, name, text, request)
        return Sentiment(
            question=None,
            answered_by=None,
            candidates=(),
            segments=(),
            unsure=False,
            percentile=None,
            out_of_domain=None,
            origin=opened.resting_on(opened.origin(request.stride), *_rests_on(of_text), text=True),
            text=of_text,
            video_unknown=None if video is None else _no_head(opened).what,
        )
    scorer = _scorer(opened, name)
    size = window_size(opened, scorer.longest)
    # Before the video is read: what is wrong with the text is known already.
    of_text = _of_text(opened, name, text, request)
    watched = watch(opened, video, request)
    candidates, segments = _of_video(watched, scorer, size, with_evidence, request)
    return Sentiment(
        question=name,
        answered_by=opened.config.questions[name].answered_by,
        candidates=candidates,
        segments=segments,
        unsure=all(segment.unsure for segment in segments),
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, *_rests_on(of_text), text=True, video=True, questions=[name]),
        text=of_text,
    )


def _scorer(opened: OpenedModel, name: str) -> Scorer:
    question = opened.config.questions[name]
    if question.answered_by != "templates":
        return ClassifierScorer(opened, name)
    return LabelScorer(opened, question.templates, question.labels)


def _of_video(
    watched: Watched, scorer: Scorer, size: int, with_evidence: bool, request: Request
) -> tuple[tuple[Candidate, ...], tuple[Segment, ...]]:
    """The labels of the whole video, ranked, and each window with its own."""
    parts = windows(watched, size)
    scored = scorer.score(parts, request.cancel)
    lengths = np.array([part.end_s - part.start_s for part in parts])
    weights = lengths * scored.sure if scored.sure.any() else lengths
    with np.errstate(divide="ignore"):
        whole = np.log(weights @ np.exp(scored.log_scores) / weights.sum())
    most = len(scorer.labels)
    return scorer.candidates(whole, most), tuple(
        Segment(
            start_s=part.start_s,
            end_s=part.end_s,
            candidates=scorer.candidates(row, most),
            percentile=part.percentile,
            padded_frames=part.padded_frames,
            unsure=not sure,
            evidence=label_evidence(watched, part, scorer, row, request.cancel) if with_evidence else (),
        )
        for part, row, sure in zip(parts, scored.log_scores, scored.sure, strict=True)
    )


def _of_text(opened: OpenedModel, name: str | None, text: str | None, request: Request) -> TextSentiment | None:
    if text is None:
        return None
    question = None if name is None else opened.config.questions[name]
    labels = LABELS if question is None else question.labels
    return text_sentiment(opened, text, labels, () if question is None else question.templates, request.cancel)


def _rests_on(of_text: TextSentiment | None) -> tuple[Capability, ...]:
    """What of the model the text's sentiment rests on: nothing where the text names it."""
    by: dict[TextMethod, tuple[Capability, ...]] = {"named": (), "cloze": ("fills_words",), "meaning": ("embeds",)}
    return () if of_text is None else by[of_text.method]


def _no_head(opened: OpenedModel) -> ModelError:
    name = SENTIMENT_QUESTIONS[0]
    learn = f"`videobert learn {opened.typed} VIDEOS --question {name} --out my-{name}`"
    return ModelError(
        "this model was never taught what a film feels like",
        seen=f"the questions of {opened.config.name}: {', '.join(opened.config.questions) or 'none'}",
        allowed=f"a model with a question called {', '.join(SENTIMENT_QUESTIONS[:-1])} or {SENTIMENT_QUESTIONS[-1]}",
        fix=f"Teach a copy of it: {learn}; VIDEOS is a folder with one folder of videos for each label, such as "
        f"positive and negative, five of each or more. Then ask it: `videobert sentiment VIDEO --model my-{name}`.",
    )
