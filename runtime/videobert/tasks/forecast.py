"""`forecast`: which visual tokens come after the video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import as_whole, items, whole
from videobert.base.errors import UsageError
from videobert.families.family import ForecastsAhead
from videobert.index.reader import IndexReader
from videobert.pipeline.answering import Scorers
from videobert.pipeline.evidence import evidence
from videobert.pipeline.exemplars import Exemplars
from videobert.pipeline.forecasting import Ahead, ahead_of
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import best, check_top
from videobert.pipeline.request import Request
from videobert.pipeline.scoring import Clips
from videobert.pipeline.watched import watch
from videobert.results.candidate import Candidate
from videobert.results.forecast import Exemplar, Forecast, ForecastToken, Horizon
from videobert.visual.grid import on_grid
from videobert.visual.tokens import VisualTokens

MOST_AHEAD = 64


def forecast(
    opened: OpenedModel,
    video: Any,
    ahead: int | Iterable[int],
    top: int,
    index: str | Path | IndexReader | None,
    context_clips: int | None,
    with_evidence: bool,
    request: Request,
) -> Forecast:
    """See `Runtime.forecast`."""
    top = check_top(top)
    family = opened.forecasts
    steps = _steps(ahead, min(MOST_AHEAD, family.room(0) - 1))
    longest = _context(opened, context_clips, family.room(0) - steps[-1])
    exemplars = None if index is None else Exemplars(opened, index, request)
    watched = watch(opened, video, request)
    tokens = cast(VisualTokens, watched.tokens)
    used = len(tokens)
    # A last clip that is for the most part one frame, repeated, tells nothing of what moves.
    if used > 1 and 2 * tokens.padded_frames > opened.recipe.frames:
        used -= 1
    context = min(used, longest)
    found = ahead_of(family, tokens.ids[used - context : used], steps, request.cancel)
    likely = sorted({token for ahead in found for token in best(ahead.log_probs, top)})
    said = _answers(opened, likely, request)
    first = best(found[0].log_probs, 1)[0]

    def score(groups: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
        rows = [ahead_of(family, tokens.ids[list(each)], steps[:1], request.cancel)[0] for each in groups]
        return np.exp([row.log_probs[first] for row in rows])

    shown = {token: () if exemplars is None else exemplars.of(token) for token in likely}
    return Forecast(
        horizons=tuple(
            _horizon(tokens, used, step, ahead, top, said, shown) for step, ahead in zip(steps, found, strict=True)
        ),
        exemplars_from=None if exemplars is None else "index",
        method="masked" if isinstance(family, ForecastsAhead) else "next_token",
        context_clips=context,
        until_s=float(tokens.end_s[used - 1]),
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, "forecasts", video=True),
        # A clip alone is held against tokens that are all as likely.
        evidence=(
            evidence(tokens, range(used - context, used), score, without_any=1 / len(found[0].log_probs))
            if with_evidence
            else ()
        ),
    )


def _steps(ahead: int | Iterable[int], most: int) -> list[int]:
    """How many clips ahead, each once and rising."""
    alone = as_whole(ahead)
    given = (
        items("ahead", ahead, most=MOST_AHEAD, of="numbers of clips", example="ahead=(1, 2, 3)")
        if alone is None
        else (alone,)
    )
    if not given:
        raise UsageError(
            "no horizon is given",
            allowed="1 or more",
            fix="For example ahead=(1, 2, 3).",
            fix_cli="For example --ahead 1.",
        )
    allowed = f"1 to {most} clips ahead"
    fix = "1 is the next clip; a larger stride looks further ahead."
    return sorted({whole("a horizon", step, least=1, most=most, allowed=allowed, fix=fix) for step in given})


def _context(opened: OpenedModel, context_clips: int | None, room: int) -> int:
    """Clips to go on from, at most: what fits, or for a model that fills in moments its own window."""
    if context_clips is None:
        return min(opened.config.window_clips, room) if isinstance(opened.family, ForecastsAhead) else room
    fix = "Leave it out for the model's own choice."
    allowed = f"1 to {room} beside these horizons"
    return whole("context_clips", context_clips, least=1, most=room, allowed=allowed, fix=fix)


def _horizon(
    tokens: VisualTokens,
    used: int,
    step: int,
    ahead: Ahead,
    top: int,
    said: Mapping[int, dict[str, Candidate]],
    shown: Mapping[int, tuple[Exemplar, ...]],
) -> Horizon:
    number = np.array([(used - 1 + step) * tokens.stride])
    start_s, end_s = on_grid(float(tokens.start_s[0]), number, tokens.clip_s)
    return Horizon(
        ahead=step,
        start_s=float(start_s[0]),
        end_s=float(end_s[0]),
        candidates=tuple(
            ForecastToken(
                token=token, score=float(np.exp(ahead.log_probs[token])), answers=said[token], exemplars=shown[token]
            )
            for token in best(ahead.log_probs, top)
        ),
        covered=ahead.covered,
    )


def _answers(opened: OpenedModel, asked: Sequence[int], request: Request) -> dict[int, dict[str, Candidate]]:
    """What the model says of tokens by its questions: a number alone means nothing to a person."""
    said: dict[int, dict[str, Candidate]] = {token: {} for token in asked}
    if not opened.can("classifies"):
        return said
    clips = [Clips(ids=np.array([token], np.int32)) for token in asked]
    for name, scorer in Scorers.of_model(opened, tokens_only=True).by_templates.items():
        for token, row in zip(asked, scorer.score(clips, request.cancel).log_scores, strict=True):
            (said[token][name],) = scorer.candidates(row, 1)
    return said
