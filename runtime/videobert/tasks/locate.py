"""`locate`: where in a video is what a text says?"""

from __future__ import annotations

from typing import Any

import numpy as np

from videobert.pipeline.evidence import evidence
from videobert.pipeline.fitting import Fitting
from videobert.pipeline.locating import Found, find
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.ranking import check_top
from videobert.pipeline.request import Request
from videobert.pipeline.spans import spans
from videobert.pipeline.text_fit import text_fit
from videobert.pipeline.watched import watch_shots
from videobert.results.locate import Hit, Located


def locate(opened: OpenedModel, video: Any, text: str, top: int, with_evidence: bool, request: Request) -> Located:
    """See `Runtime.locate`."""
    top = check_top(top)
    fit = text_fit(opened, text)
    watched = watch_shots(opened, video, request)
    fitting = Fitting(opened, fit, watched, request.cancel)
    looked_at = spans(watched)
    found = find(looked_at, fitting.judge, top, base=0.0 if fit.calibrated else None)
    # The best of many is likely to be above an even chance by accident: each is held to odds of one in as many.
    is_odds = fit.calibrated and fit.method != "pseudo_likelihood"
    least = float(np.log(len(looked_at))) if is_odds else -np.inf

    highest = max((each.height for each in found), default=1.0) or 1.0

    def hit(each: Found) -> Hit:
        rests_on = (
            evidence(watched.clips, each.clips, lambda groups: fitting.judge(groups).values, without_any=0.0)
            if with_evidence
            else ()
        )
        score = float(1 / (1 + np.exp(-each.value))) if fit.calibrated else each.height / highest
        return Hit(
            start_s=each.start_s,
            end_s=each.end_s,
            score=score,
            fit=each.value,
            unsure=not each.sure or each.value < least,
            evidence=rests_on,
        )

    return Located(
        text=text,
        hits=tuple(hit(each) for each in found),
        method=fit.method,
        calibrated=fit.calibrated,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(watched.origin, fit.rests_on, text=True, video=True),
        unknown_words=fit.unknown_words,
        cuts_unknown=watched.cuts_unknown,
    )
