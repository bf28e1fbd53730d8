"""Segments on the terminal as they close."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from videobert.cli.progress import paused
from videobert.report.safe_text import printable
from videobert.report.screen import cells, screen
from videobert.report.terminal import SegmentLines, print_doubt, print_foot, print_head
from videobert.results.candidate import Candidate
from videobert.results.run import ReportSegment

if TYPE_CHECKING:
    from videobert.cli.progress import VideoProgress
    from videobert.model.config import ModelConfig
    from videobert.model.questions import QuestionConfig
    from videobert.tasks.stream import ReportStream

# What columns are made for: stretches of less than a hundred clips, and a day of video where no length is stated.
_MANY_TOKENS = 99
_DAY_S = 86_400.0
# What `_widest_labels` gives.
_WIDEST = 2


def show_segments(
    stream: ReportStream, config: ModelConfig, bar: VideoProgress | None, *, whole: bool = False
) -> Iterator[ReportSegment]:
    """Print a report to the terminal in the time that it takes: each segment when it closes.

    Args:
        config: of the model; columns are made for its longest answers.
        bar: the progress bar, which gives way to each line.
        whole: tell at the end what goes on over all of it too, for which the segments are kept, without their pictures;
            not for what may never end.

    Yields:
        Each segment, once it is printed.
    """
    lines: SegmentLines | None = None
    doubted = False
    kept: list[ReportSegment] = []
    for segment in stream:
        with paused(bar):
            console = screen()
            if lines is None:
                report = stream.report()
                length_s = report.video.get("duration_s")
                doubted = report.out_of_domain
                print_doubt(console, report)
                print_head(console, dataclasses.replace(report, duration_s=length_s or report.duration_s))
                # Saved tokens do not answer every question.
                asked = {name: question for name, question in config.questions.items() if name in segment.answers}
                sample = _widest(asked, config, length_s or _DAY_S)
                lines = SegmentLines(sample, trusted=not doubted, yielding=_yielding(asked))
                lines.print_heading(console)
            lines.print_segment(console, segment)
            if whole:
                kept.append(dataclasses.replace(segment, thumbnail=None))
            sys.stdout.flush()
        yield segment
    if lines is not None:
        with paused(bar):
            report = dataclasses.replace(stream.report(), segments=tuple(kept))
            if not doubted:
                print_doubt(screen(), report)
            print_foot(screen(), report, lines)


def _yielding(asked: dict[str, QuestionConfig]) -> frozenset[str]:
    """The questions that make room for the first one: all others that a classifier answers."""
    return frozenset(name for name, question in list(asked.items())[1:] if question.answered_by != "templates")


def _widest(asked: dict[str, QuestionConfig], config: ModelConfig, end_s: float) -> list[ReportSegment]:
    """Segments with the widest labels, be there a thousand of them, and with numbers as wide as those to come."""
    widest = {name: _widest_labels(question.labels) for name, question in asked.items()}
    return [
        ReportSegment(
            start_s=end_s,
            end_s=end_s,
            answers={name: (Candidate(text=labels[place], id=None, score=1.0),) for name, labels in widest.items()},
            tokens=(config.visual_tokens - 1,) * _MANY_TOKENS if config.has_tokens else (),
            unsure=unsure,
            # A classifier's tokens have none, nor has a model without tokens.
            percentile=100.0 if config.token_question is None and config.has_tokens else None,
        )
        for place in range(_WIDEST)
        for unsure in ((), tuple(name for name in asked if _may_be_unsure(name, config)))
    ]


def _may_be_unsure(name: str, config: ModelConfig) -> bool:
    question = config.questions[name]
    return config.questions[question.of or name].abstain is not None


def _widest_labels(labels: Sequence[str]) -> tuple[str, str]:
    """The label that is widest on one line, and the one that is where it is broken between words."""
    shown = [printable(label) for label in labels]
    return max(shown, key=cells), max(shown, key=lambda label: max(map(cells, label.split(" "))))
