"""Segments on the terminal as they close."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from videobert.cli.progress import paused
from videobert.report.screen import screen
from videobert.report.terminal import SegmentLines, print_doubt, print_foot, print_head
from videobert.results.candidate import Candidate
from videobert.results.run import ReportSegment

if TYPE_CHECKING:
    from videobert.cli.progress import VideoProgress
    from videobert.model.config import ModelConfig
    from videobert.tasks.stream import ReportStream

# What columns are made for: stretches of less than a hundred clips, and a day of video where no length is stated.
_MANY_TOKENS = 99
_DAY_S = 86_400.0


def show_segments(stream: ReportStream, config: ModelConfig, bar: VideoProgress | None) -> Iterator[ReportSegment]:
    """Print a report to the terminal in the time that it takes: each segment when it closes.

    Args:
        config: of the model; columns are made for its longest answers.
        bar: the progress bar, which gives way to each line.

    Yields:
        Each segment, once it is printed.
    """
    lines: SegmentLines | None = None
    doubted = False
    for segment in stream:
        with paused(bar):
            console = screen()
            if lines is None:
                report = stream.report()
                length_s = report.video.get("duration_s")
                doubted = report.out_of_domain
                print_doubt(console, report)
                print_head(console, dataclasses.replace(report, duration_s=length_s or report.duration_s))
                lines = SegmentLines(_widest(config, length_s or _DAY_S), trusted=not doubted)
                lines.print_heading(console)
            lines.print_segment(console, segment)
            sys.stdout.flush()
        yield segment
    if lines is not None:
        with paused(bar):
            report = stream.report()
            if not doubted:
                print_doubt(screen(), report)
            print_foot(screen(), report, lines.left_out)


def _widest(config: ModelConfig, end_s: float) -> list[ReportSegment]:
    """A segment for each label, with numbers as wide as those to come."""
    questions = config.questions
    longest = max((len(question.labels) for question in questions.values()), default=1)
    return [
        ReportSegment(
            start_s=end_s,
            end_s=end_s,
            answers={
                name: (Candidate(text=question.labels[place % len(question.labels)], id=None, score=1.0),)
                for name, question in questions.items()
            },
            tokens=(config.visual_tokens - 1,) * _MANY_TOKENS,
            percentile=100.0,
        )
        for place in range(longest)
    ]
