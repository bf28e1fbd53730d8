"""A `Plan` as text for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from videobert.report.bench_facts import noise_words
from videobert.report.screen import screen, width_of, wrapped
from videobert.report.table import Column, print_line, print_table
from videobert.results.plan import Plan, PlanCandidate


def print_plan(plan: Plan) -> None:
    """Writes the choice, its price and what was tried to stdout."""
    from rich.text import Text

    console = screen()
    width = width_of(sys.stdout)
    for text, style in _lines(plan):
        for line in wrapped(text, width, rest="  "):
            print_line(console, Text(line, style))
    console.print()
    columns = (
        Column(heading="setting", wraps=True),
        Column(heading="p95", right=True),
        Column(heading="memory", right=True),
        Column(heading="x real time", right=True),
        Column(heading="agrees", right=True),
        Column(heading="", wraps=True),
    )
    print_table(columns, [[((text, _style(each, plan)),) for text in _row(each, plan)] for each in plan.candidates])


def _lines(plan: Plan) -> Iterator[tuple[str, str]]:
    yield plan.command, "bold"
    yield plan.python, "bold"
    if plan.loss is None:
        yield "loss in agreement: not known, these answers cannot be compared", "bold yellow"
    else:
        yield f"loss in agreement: {plan.loss:.2%} against {plan.reference}", ""
    if not plan.noise.quiet:
        yield noise_words(plan.noise), "bold yellow"


def _row(each: PlanCandidate, plan: Plan) -> tuple[str, ...]:
    threads = "" if each.threads is None else f" {_threads(each.threads, 'thread')}"
    threads += "" if each.decoder_threads is None else f" {_threads(each.decoder_threads, 'decoding thread')}"
    setting = f"{each.engine} {each.precision}{threads} {each.hint} stride {each.stride}"
    return (
        setting,
        "–" if each.latency is None else f"{1000 * each.latency.p95:.3g} ms",
        "–" if each.peak_memory_bytes is None else f"{each.peak_memory_bytes / 1e6:.4g} MB",
        "–" if each.times_real_time is None else f"{each.times_real_time:.3g}",
        "–" if each.agreement is None else f"{each.agreement:.1%}",
        "chosen" if each is plan.chosen else each.why or "",
    )


def _threads(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _style(each: PlanCandidate, plan: Plan) -> str:
    return "green" if each is plan.chosen else "" if each.fits else "dim"
