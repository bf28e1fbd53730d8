"""Answers in a model's own words: the decoder is told the video with the question beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import ModelError
from videobert.families.family import Generates
from videobert.families.registry import lacks
from videobert.pipeline.asked_span import Span
from videobert.pipeline.evidence import evidence
from videobert.pipeline.fitting import clips_of
from videobert.pipeline.generate.generate import best_sentences
from videobert.pipeline.generate.given_words import mean_log_probs
from videobert.pipeline.generate.options import Search
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.spans import spans
from videobert.pipeline.watched import watch_shots
from videobert.results.answer import Answer
from videobert.results.candidate import Candidate
from videobert.text.yes_no import UNDERSTOOD

_BEAMS, _MOST_WORDS = 5, 32


def open_answer(
    opened: OpenedModel, video: Any, question: str, within: Span | None, with_evidence: bool, request: Request
) -> Answer:
    """The likeliest sentences about the window of the video of which one is likeliest.

    Raises:
        ModelError: the model has no decoder; the error names the forms that it answers, and the models that have one.
        InputError: the model knows no word of the question, or nothing of the video lies in the span.
    """
    family = opened.family
    if not opened.can("generates") or not isinstance(family, Generates):
        raise _not_open(opened, question)
    read = read_text(opened, question)
    size = min(opened.config.window_clips, family.room(len(read.pieces)))
    watched = watch_shots(opened, video, request)
    looked_at = spans(watched, within)
    clips = np.unique([clip for span in looked_at for clip in span.told_by])
    windows = np.array_split(clips, -(-len(clips) // size))
    told = family.told([read.pieces] * len(windows), [clips_of(watched, each) for each in windows], request.cancel)
    decoder = family.decoder
    search = Search(beams=_BEAMS, most=min(_MOST_WORDS, decoder.positions))
    found = best_sentences(decoder, told, search, cancel=request.cancel)
    best = max(range(len(found)), key=lambda place: max((each.normalised for each in found[place]), default=-np.inf))
    first, last = int(windows[best][0]), int(windows[best][-1])
    said = [(opened.tokenizer.sentence(each.ids), float(np.exp(each.normalised))) for each in found[best]]
    candidates = tuple(Candidate(text=text, id=None, score=score) for text, score in said if text)

    def score(groups: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        seen = family.told([read.pieces] * len(groups), [clips_of(watched, each) for each in groups], request.cancel)
        return mean_log_probs(decoder, seen, found[best][0].ids, request.cancel)

    return Answer(
        question=question,
        kind="open",
        method="decoder",
        candidates=candidates or (Candidate(text="", id=None, score=0.0),),
        start_s=max(float(watched.clips.start_s[first]), looked_at[0].start_s),
        end_s=min(float(watched.clips.end_s[last]), looked_at[-1].end_s),
        unsure=watched.out_of_domain or not candidates,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, "generates", text=True, video=True),
        unknown_words=read.unknown_words,
        # A clip alone is held against what all words have where nothing is known.
        evidence=(
            evidence(watched.clips, windows[best].tolist(), score, without_any=-math.log(decoder.words))
            if with_evidence and candidates
            else ()
        ),
    )


def _not_open(opened: OpenedModel, question: str) -> ModelError:
    """The error about a model without a decoder: what it can be asked in place of an open question."""
    error = lacks(opened.config, "generates")
    if not opened.can("aligns") and not opened.can("fills_words"):
        return error
    # A similarity orders choices, and says nothing of one text alone.
    tells = not opened.can("aligns") or opened.compares is None
    form = "Ask for yes or no in one of these forms, or give" if tells else "Give"
    return ModelError(
        f"this question is open, and {error.what}",
        seen=question,
        allowed=f"choices{f', or yes or no: {UNDERSTOOD}' if tells else ''}; any question: {error.allowed}",
        fix=f'{form} choices, for example choices=["red", "blue"].',
        fix_cli=f"{form} choices, for example --choice red --choice blue.",
    )
