"""A `Report` as text for a terminal, or for a file or pipe in its place."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from videobert.report.facts import speed, timing_rows, video_facts, video_troubles
from videobert.report.safe_text import printable
from videobert.report.times import clock, elapsed, span

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from videobert.results import Candidate, Report, ReportSegment

_TOKENS_SHOWN = 4
# Without a terminal there is no width to fit; wide enough that no line of a usual report is folded.
_PIPE_WIDTH = 160


def print_report(report: Report) -> None:
    """Writes the report to stdout, with colour only on a terminal."""
    from rich.console import Console

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    _head(console, report)
    console.print(_table(report))
    _foot(console, report)


def _head(console: Console, report: Report) -> None:
    console.print(
        _text((report.source, "bold"), ("  " + "  ".join([clock(report.duration_s), *video_facts(report)]), "dim"))
    )
    troubles = video_troubles(report)
    if troubles:
        console.print(_text(("damaged video  ", "yellow"), ("; ".join(troubles), "")))


def _table(report: Report) -> Table:
    from rich.table import Table

    questions = list(dict.fromkeys(name for segment in report.segments for name in segment.answers))
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("time", no_wrap=True)
    for question in questions:
        table.add_column(_text((question, "")), overflow="fold")
    table.add_column("tokens", overflow="fold")
    table.add_column("percentile", justify="right")
    for segment in report.segments:
        answers = [_answer(segment.answers.get(question, ())) for question in questions]
        table.add_row(span(segment.start_s, segment.end_s), *answers, _tokens(segment), f"{segment.percentile:.0f}")
    return table


def _answer(candidates: tuple[Candidate, ...]) -> Text:
    if not candidates:
        return _text(("–", "dim"))
    best = candidates[0]
    return _text((best.text, "bold"), (f" {best.score:.2f}", "dim"))


def _tokens(segment: ReportSegment) -> Text:
    shown = " ".join(str(token) for token in segment.tokens[:_TOKENS_SHOWN])
    more = len(segment.tokens) - _TOKENS_SHOWN
    padded = f" ({segment.padded_frames} frames padded)" if segment.padded_frames else ""
    return _text((shown + (f" +{more}" if more > 0 else "") + padded, "dim"))


def _foot(console: Console, report: Report) -> None:
    console.print()
    if report.out_of_domain:
        console.print(
            _text(
                ("out of domain", "bold yellow"),
                (f"  median distance percentile {report.percentile:.0f}: unlike what the model was trained on", ""),
            )
        )
    else:
        console.print(_text(("in domain", "green"), (f"  median distance percentile {report.percentile:.0f}", "")))
    stages = "  ".join(f"{name} {elapsed(time_s)}" for name, time_s in timing_rows(report))
    total = report.timings_s.get("total")
    fast = speed(report)
    took = f"  total {elapsed(total)}" if total is not None else ""
    console.print(_text((f"{stages}{took}" + (f", {fast}" if fast else ""), "dim")))
    origin = report.origin
    console.print(
        _text(
            (
                f"model {origin.model}  recipe {origin.recipe}  stride {origin.stride}  "
                f"{origin.engine} on {origin.device}, {origin.precision}",
                "dim",
            )
        )
    )
    for fallback in (origin.fallback, origin.decoder_fallback):
        if fallback:
            console.print(_text(("fallback", "yellow"), (f"  {fallback}", "")))


def _text(*parts: tuple[str, str]) -> Text:
    from rich.text import Text

    made: list[Any] = [(printable(text), style) for text, style in parts]
    return Text.assemble(*made)
