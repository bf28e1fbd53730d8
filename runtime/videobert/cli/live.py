"""Segments on the terminal, or as lines of a pipe, as they close."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from videobert.report.terminal import SegmentLines, print_doubt, print_foot, print_head
from videobert.results import Candidate, Report, ReportSegment

if TYPE_CHECKING:
    from videobert.cli.talk import Move
    from videobert.config import QuestionConfig
    from videobert.tasks.report_stream import ReportStream

# What columns are made for: the widest token there may be, and a day of video where its length is not known.
_WIDEST_TOKEN, _WIDEST_TOKENS = 65_535, 1000
_DAY_S = 86_400.0


def show_segments(
    stream: ReportStream, questions: Mapping[str, QuestionConfig], move: Move | None
) -> Iterator[ReportSegment]:
    """Print a whole report to the terminal in the time that it takes: each segment when it closes.

    Args:
        questions: of the model; columns are made for their longest answers.
        move: the progress bar, which gives way to each line.

    Yields:
        Each segment, once it is printed.
    """
    lines: SegmentLines | None = None
    doubted = False
    for segment in stream:
        with _aside(move):
            from videobert.report.screen import screen

            console = screen()
            if lines is None:
                report = _as_known(stream.report())
                doubted = report.out_of_domain
                print_doubt(console, report)
                print_head(console, report)
                lines = SegmentLines(_widest(questions, report), trusted=not doubted)
                lines.print_heading(console)
            lines.print_segment(console, segment)
            sys.stdout.flush()
        yield segment
    if lines is not None:
        with _aside(move):
            report = stream.report()
            if not doubted:
                print_doubt(screen(), report)
            print_foot(screen(), report, lines.left_out)


def _aside(move: Move | None) -> AbstractContextManager[None]:
    return nullcontext() if move is None else move.aside()


def _as_known(report: Report) -> Report:
    """The report with the length that the container states, which is known before the video was read."""
    return dataclasses.replace(report, duration_s=report.video.get("duration_s") or report.duration_s)


def _widest(questions: Mapping[str, QuestionConfig], report: Report) -> list[ReportSegment]:
    """A segment for each label, with numbers as wide as any to come."""
    end_s = max(report.duration_s, report.video.get("duration_s") or _DAY_S)
    longest = max((len(question.labels) for question in questions.values()), default=1)
    return [
        ReportSegment(
            start_s=end_s,
            end_s=end_s,
            answers={
                name: (Candidate(text=question.labels[min(place, len(question.labels) - 1)], id=None, score=1.0),)
                for name, question in questions.items()
            },
            tokens=(_WIDEST_TOKEN,) * _WIDEST_TOKENS,
            percentile=100.0,
        )
        for place in range(longest)
    ]
