"""A `Report` as text for a terminal, or for a file or pipe in its place."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from videobert.report.answer_runs import Events, events_of, longest, outlast
from videobert.report.caption_line import FROM_LABELS, caption_line
from videobert.report.evidence_lines import evidence_lines
from videobert.report.facts import (
    domain_sentence,
    recomputed_words,
    shot_facts,
    shots_found_by,
    speed,
    stages_overlap,
    timing_rows,
    untrained_words,
    video_facts,
    video_troubles,
)
from videobert.report.open_answers import UNSURE, UNSURE_MEANS, unsure_with_guess
from videobert.report.safe_text import printable
from videobert.report.screen import cells, screen, width_of, wrapped
from videobert.report.table import Cell, Column, Table, print_line
from videobert.report.times import clock, elapsed, span

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from videobert.results.run import Report, ReportSegment

_TOKENS_SHOWN = 4
_EVENTS_SHOWN = 20


def print_report(report: Report) -> None:
    """Writes the report to stdout, with styles only on a terminal."""
    console = screen()
    # Before the answers, which look the same whether they mean something or not.
    print_doubt(console, report)
    print_head(console, report)
    lines = SegmentLines(report.segments, trusted=not report.out_of_domain)
    lines.print_heading(console)
    for segment in report.segments:
        lines.print_segment(console, segment)
    print_foot(console, report, lines)


def print_doubt(console: Console, report: Report) -> None:
    """That the answers mean little, if they do."""
    if report.out_of_domain:
        _prose(console, domain_sentence(report), "bold yellow")


def print_head(console: Console, report: Report) -> None:
    """What video it is, and what was wrong with it."""
    facts = "  ".join([clock(report.duration_s), *video_facts(report)])
    _prose(console, printable(report.source), "bold", behind=f"  {printable(facts)}")
    troubles = video_troubles(report)
    if troubles:
        _prose(console, "damaged video", "yellow", behind=f"  {printable('; '.join(troubles))}", behind_style="")


class SegmentLines:
    """Lines for segments, in columns that fit all of them.

    Attributes:
        left_out: headings of the columns that the terminal has no room for.
        open_answers: whether a segment was printed that leaves an answer open.

    Args:
        sample: the segments to come, or some with the same questions that are as wide.
        trusted: whether answers stand out; they do not where they mean little.
        yielding: the questions that make room for the others where the terminal is narrow.
    """

    def __init__(
        self, sample: Sequence[ReportSegment], *, trusted: bool = True, yielding: Collection[str] = ()
    ) -> None:
        self._questions = list(dict.fromkeys(name for segment in sample for name in segment.answers))
        self._trusted = trusted
        self._percentiles = any(segment.percentile is not None for segment in sample)
        # A model that works on features has none.
        self._tokens = any(segment.tokens for segment in sample)
        self.open_answers = False
        columns = (
            Column(heading="time"),
            *(
                Column(heading=printable(question), wraps=True, yields=question in yielding)
                for question in self._questions
            ),
            *([Column(heading="tokens", wraps=True, spare=True)] if self._tokens else []),
            *([Column(heading="percentile", right=True)] if self._percentiles else []),
        )
        width = width_of(sys.stdout)
        # Columns of the terminal that each answer has; None for as many as it takes.
        self._rooms: dict[str, int | None] = dict.fromkeys(self._questions)
        self._table = Table(columns, map(self._cells, sample), width)
        if not self._table.whole:
            # No column is widened by the guesses behind open answers; those that fit in are shown.
            self._rooms = dict.fromkeys(self._questions, 0)
            self._table = Table(columns, map(self._cells, sample), width)
        self._rooms = {name: self._table.room(at) for at, name in enumerate(self._questions, start=1)}
        self.left_out = self._table.left_out

    def print_heading(self, console: Console) -> None:
        """The headings, where the terminal has room for columns."""
        _print(console, self._table.heading())

    def print_segment(self, console: Console, segment: ReportSegment) -> None:
        """One segment."""
        self.open_answers = self.open_answers or bool(segment.unsure)
        _print(console, self._table.row(self._cells(segment)))
        for line in evidence_lines(segment):
            _prose(console, f"  {printable(line)}", "dim")

    def _cells(self, segment: ReportSegment) -> list[Cell]:
        percentile = "–" if segment.percentile is None else f"{segment.percentile:.0f}"
        return [
            ((span(segment.start_s, segment.end_s), ""),),
            *(self._answer(question, segment) for question in self._questions),
            *([((_tokens(segment), "dim"),)] if self._tokens else []),
            *([((percentile, ""),)] if self._percentiles else []),
        ]

    def _answer(self, question: str, segment: ReportSegment) -> Cell:
        candidates = segment.answers.get(question)
        if not candidates:
            return (("–", "dim"),)
        best = candidates[0]
        if question in segment.unsure:
            whole, room = unsure_with_guess(best), self._rooms[question]
            return ((whole if room is None or cells(printable(whole)) <= room else UNSURE, "dim"),)
        return (best.text, "bold" if self._trusted else ""), (f" {best.score:.2f}", "dim")


def print_foot(console: Console, report: Report, lines: SegmentLines) -> None:
    """What goes on in a few words, the shots, how far to trust the answers, what they took and where they come from."""
    console.print()
    events = events_of(report.segments)
    if not report.out_of_domain and outlast(events, report.segments):
        _events(console, events)
        console.print()
    said = caption_line(report)
    if said:
        _prose(console, FROM_LABELS, "", behind=f"  {printable(said)}", behind_style="")
    shots = shot_facts(report)
    if shots:
        _prose(console, ", ".join(shots), "", behind=f"  {printable(shots_found_by(report))}")
    if lines.open_answers:
        _prose(console, f"{UNSURE}: {UNSURE_MEANS}", "dim")
    if not report.out_of_domain and report.percentile is not None:
        _prose(console, "in domain", "green", behind=f"  median distance percentile {report.percentile:.0f}")
    stages = "  ".join(f"{name} {elapsed(time_s)}" for name, time_s in timing_rows(report))
    total = report.timings_s.get("total")
    fast = speed(report)
    took = [] if total is None else [f"total {elapsed(total)}", *([fast] if fast else [])]
    took += ["stages overlap"] if stages_overlap(report) else []
    _prose(console, printable("  ".join(filter(None, (stages, ", ".join(took))))), "dim")
    origin = report.origin
    made_by = (
        f"model {origin.model}  recipe {origin.recipe}  stride {origin.stride}  "
        f"{origin.engine} on {origin.device}, {origin.precision}"
    )
    recomputed = recomputed_words(origin)
    if recomputed:
        made_by += f"  {recomputed}"
    _prose(console, printable(made_by), "dim")
    if origin.untrained:
        _prose(console, "untrained", "yellow", behind=f"  {printable(untrained_words(origin))}", behind_style="")
    for name in lines.left_out:
        _prose(console, f"no room for {name} at this width; --json has them", "dim")
    for fallback in (origin.fallback, origin.decoder_fallback):
        if fallback:
            _prose(console, "fallback", "yellow", behind=f"  {printable(fallback)}", behind_style="")


def _events(console: Console, events: Events) -> None:
    columns = (
        Column(heading="time"),
        Column(heading="answer", wraps=True),
        Column(heading="of", wraps=True),
        Column(heading="score", right=True),
    )
    shown = longest(events, _EVENTS_SHOWN)
    rows: list[list[Cell]] = [
        [
            ((span(run.start_s, run.end_s), ""),),
            ((str(run.answer), ""),),
            ((question, "dim"),),
            ((f"{run.score:.2f}", ""),),
        ]
        for question, run in shown
    ]
    table = Table(columns, rows, width_of(sys.stdout))
    _print(console, table.heading())
    for row in rows:
        _print(console, table.row(row))
    left_out = len(events) - len(shown)
    if left_out:
        _prose(console, f"and {left_out} shorter ones, which --json has in its segments", "dim")
    _prose(console, "`videobert events` looks shot by shot and weighs neighbours, and may find other bounds", "dim")


def _tokens(segment: ReportSegment) -> str:
    shown = " ".join(str(token) for token in segment.tokens[:_TOKENS_SHOWN])
    more = len(segment.tokens) - _TOKENS_SHOWN
    padded = f" ({segment.padded_frames} frames padded)" if segment.padded_frames else ""
    return shown + (f" +{more}" if more > 0 else "") + padded


def _prose(console: Console, text: str, style: str, *, behind: str = "", behind_style: str = "dim") -> None:
    """A line of text, `behind` in another style, broken between words where the terminal is narrow."""
    from rich.text import Text

    for number, line in enumerate(wrapped(text + behind, width_of(sys.stdout), rest="  ")):
        styled = Text(line, behind_style if behind else style)
        if behind and number == 0:
            styled.stylize(f"not dim {style}", 0, min(len(text), len(line)))
        print_line(console, styled)


def _print(console: Console, lines: Iterator[Text]) -> None:
    for line in lines:
        print_line(console, line)
