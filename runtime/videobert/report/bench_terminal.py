"""A `Bench` as text for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from videobert.report.bench_facts import STAGE_WORDS, amount, facts, failure_words, noise_words, setting_words
from videobert.report.screen import screen, width_of, wrapped
from videobert.report.table import Cell, Column, print_line, print_table
from videobert.report.times import elapsed
from videobert.results.bench import Bench, StageTime, SweepPoint


def print_bench(bench: Bench) -> None:
    """Writes the result to stdout: whether to trust it, what it is, the stages, the sweep."""
    from rich.text import Text

    console = screen()
    width = width_of(sys.stdout)
    for line in wrapped(noise_words(bench.noise), width, rest="  "):
        print_line(console, Text(line, "green" if bench.noise.quiet else "bold yellow"))
    console.print()
    print_table(
        (Column(heading=""), Column(heading="", wraps=True)),
        [(((name, "dim"),), ((said, ""),)) for name, said in facts(bench)],
    )
    console.print()
    columns = (
        Column(heading="stage"),
        Column(heading="own time", right=True),
        Column(heading="calls", right=True),
        Column(heading="call p50", right=True),
        Column(heading="call p99", right=True, spare=True),
        Column(heading="FLOP/s", right=True, spare=True),
        Column(heading="of roof", right=True, spare=True),
    )
    print_table(columns, list(_stage_rows(bench.stages)))
    for line in wrapped(STAGE_WORDS, width, rest="  "):
        print_line(console, Text(line, "dim"))
    if bench.sweep:
        console.print()
        print_table(
            (
                Column(heading="setting", wraps=True),
                Column(heading="answer", right=True),
                Column(heading="x real time", right=True),
                Column(heading="same answers", right=True),
            ),
            list(map(_sweep_row, bench.sweep)),
        )
        # Below the table: why a setting cannot run is a sentence, which no column has room for.
        for line in (line for why in failure_words(bench.sweep) for line in wrapped(why, width, rest="  ")):
            print_line(console, Text(line, "yellow"))


def _stage_rows(stages: Sequence[StageTime]) -> Iterator[Sequence[Cell]]:
    for stage in stages:
        # What runs beside the caller is no part of the sum.
        style = "" if stage.thread == "caller" else "dim"
        name = stage.name if stage.thread == "caller" else f"{stage.name} (beside)"
        rate = "" if stage.flops_per_s is None else amount(stage.flops_per_s, "")
        roof = "" if stage.of_roof is None else f"{stage.of_roof:.0%}"
        said = (elapsed(stage.self_s), f"{stage.calls:g}", elapsed(stage.call.p50), elapsed(stage.call.p99), rate, roof)
        yield tuple(((text, style),) for text in (name, *said))


def _sweep_row(point: SweepPoint) -> Sequence[Cell]:
    if point.answer is None or point.times_real_time is None:
        return (((setting_words(point), "yellow"),), *((("–", ""),),) * 3)
    same = "–" if point.same_answers is None else f"{point.same_answers:.1%}"
    said = (setting_words(point), elapsed(point.answer.p50), f"{point.times_real_time:.1f}", same)
    return tuple(((text, ""),) for text in said)
