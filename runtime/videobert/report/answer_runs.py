"""Answers of a report over time: stretches over which a question is answered alike, be it over several segments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from videobert.report.open_answers import UNSURE, unsure_with_guess
from videobert.results.run import ReportSegment


class AnswerRun(NamedTuple):
    """A stretch with one best answer to one question, over any number of segments; without one where it is open.

    Args:
        score: the mean of those of its segments, each weighed by its time.
    """

    start_s: float
    end_s: float
    answer: str | None
    score: float
    guess: str = ""


def questions_of(segments: Sequence[ReportSegment]) -> list[str]:
    """The questions of all segments, in order of first appearance."""
    return list(dict.fromkeys(name for segment in segments for name in segment.answers))


def runs(question: str, segments: Sequence[ReportSegment]) -> list[AnswerRun]:
    """The stretches over which one question is answered alike, in time order."""
    found: list[AnswerRun] = []
    for segment in segments:
        candidates = segment.answers.get(question)
        if not candidates:
            continue
        best = candidates[0]
        unsure = question in segment.unsure
        answer = None if unsure else best.text
        last = found[-1] if found else None
        if last and last.answer == answer and math.isclose(last.end_s, segment.start_s, abs_tol=1e-3):
            lasts_s, more_s = last.end_s - last.start_s, segment.end_s - segment.start_s
            found[-1] = last._replace(
                end_s=segment.end_s,
                score=(last.score * lasts_s + best.score * more_s) / (lasts_s + more_s),
                # Over several stretches there is no one guess.
                guess=UNSURE if unsure else "",
            )
        else:
            guess = unsure_with_guess(best) if unsure else ""
            found.append(AnswerRun(segment.start_s, segment.end_s, answer, best.score, guess))
    return found


Events = Sequence[tuple[str, AnswerRun]]
"""Questions, and stretches over which they are answered alike."""


def events_of(segments: Sequence[ReportSegment]) -> Events:
    """What goes on from when to when, with the question that it answers; of different questions they overlap.

    In the order of their starts, and of the questions where those are the same. Open answers are none.
    """
    found = [(question, run) for question in questions_of(segments) for run in runs(question, segments)]
    return sorted(((name, run) for name, run in found if run.answer is not None), key=lambda each: each[1].start_s)


def longest(events: Events, most: int) -> Events:
    """The longest of them, in their order: a list of hundreds is not read."""
    by_length = sorted(range(len(events)), key=lambda at: events[at][1].start_s - events[at][1].end_s)
    return [events[at] for at in sorted(by_length[:most])]


def outlast(events: Events, segments: Sequence[ReportSegment]) -> bool:
    """Whether some event goes on over several segments, so that events tell more than those do."""
    ends_s = {segment.start_s: segment.end_s for segment in segments}
    return any(ends_s[run.start_s] < run.end_s for _, run in events)
