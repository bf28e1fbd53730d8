"""How far answers are the same, against what can be counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from videobert.bench.agreement import agreement
from videobert.results.candidate import Candidate
from videobert.results.run import Report, ReportSegment


def segment(start_s: float, end_s: float, label: str, unsure: bool = False) -> ReportSegment:
    return ReportSegment(
        start_s=start_s,
        end_s=end_s,
        answers={"action": (Candidate(text=label, id=None, score=0.9),)},
        tokens=(),
        percentile=None,
        unsure=("action",) if unsure else (),
    )


def report(*segments: ReportSegment) -> Report:
    fields: dict[str, Any] = dict.fromkeys(("percentile", "origin"))
    return Report(source="a", duration_s=9.0, video={}, segments=segments, out_of_domain=False, timings_s={}, **fields)


def test_reports_agree_by_time() -> None:
    a = report(segment(0, 4, "run"), segment(4, 10, "jump"))
    assert agreement(a, a) == 1.0
    assert agreement(a, report(segment(0, 6, "run"), segment(6, 10, "jump"))) == pytest.approx(0.8)
    # What is left open is another answer, whatever the first guess.
    assert agreement(a, report(segment(0, 4, "run", unsure=True), segment(4, 10, "jump"))) == pytest.approx(0.6)
    # Only what both cover counts.
    assert agreement(a, report(segment(0, 4, "run"))) == 1.0
    assert agreement(report(segment(0, 4, "run")), report(segment(5, 6, "run"))) is None


def test_tokens_agree_one_by_one(model: Any, make_video: Any) -> None:
    tokens = model.tokens(make_video(5, 0))
    assert agreement(tokens, tokens) == 1.0
    assert agreement(tokens, model.tokens(make_video(9, 0))) is None
    assert agreement(tokens, "something else") is None


def test_vectors_agree_by_their_cosine(model: Any, make_video: Any) -> None:
    one = model.embed(make_video(5, 0))
    assert agreement(one, one) == pytest.approx(1.0)
    seen = model.features(make_video(5, 0))
    assert agreement(seen, seen) == pytest.approx(1.0)
