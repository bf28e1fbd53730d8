"""A `Comparison` as text for a terminal: parity first, speed last."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from videobert.report.bench_facts import spread_words
from videobert.report.screen import screen, width_of, wrapped
from videobert.report.table import Column, print_line, print_table
from videobert.results.compare import Apart, Comparison, Share, Side, Speed

_MOST_KEPT = 8


def print_comparison(found: Comparison) -> None:
    """Writes the result to stdout."""
    from rich.text import Text

    console = screen()
    width = width_of(sys.stdout)
    for text, style in lines(found):
        for line in wrapped(text, width, rest="  "):
            print_line(console, Text(line, style))
    rows = [*found.stages, *found.layers]
    if rows:
        console.print()
        columns = (
            Column(heading="stage or layer", wraps=True),
            Column(heading="judged"),
            Column(heading="apart", right=True),
            Column(heading="allowed", right=True),
            Column(heading="kind", spare=True),
        )
        print_table(columns, [[((text, style),) for text in cells] for cells, style in map(_row, rows)])


def lines(found: Comparison) -> Iterator[tuple[str, str]]:
    """What is said of the whole, each with its style."""
    yield f"A: {_side(found.a)}", ""
    yield f"B: {_side(found.b)}" + (f", on {found.video}" if found.video else ""), ""
    if found.parity is not None:
        yield _parity(found), "green" if found.parity else "bold red"
    if found.first_stage is not None:
        where = f", and in it the layer {found.first_layer}" if found.first_layer else ""
        yield f"first stage beyond tolerance: {found.first_stage}{where}", "bold red"
    for name, share in (("tokens", found.tokens), ("top 5", found.top5), ("answers", found.answers)):
        if share is not None:
            yield f"{name}: {_share(share)}", ""
    for kept in found.keep:
        more = f" and {len(kept.layers) - _MOST_KEPT} more" if len(kept.layers) > _MOST_KEPT else ""
        named = ", ".join(kept.layers[:_MOST_KEPT]) + more
        yield (
            f"keep of {kept.stage}: {named}; rounding then moves its output by {kept.error_kept:.2g} in place of "
            f"{kept.error:.2g}",
            "",
        )
    if found.speed is not None:
        yield f"speed: {speed_words(found.speed)}", "bold" if found.speed.why is None else "bold yellow"
        yield f"A takes {spread_words(found.speed.a)}, B {spread_words(found.speed.b)}", "dim"
    for note in found.notes:
        yield f"note: {note}", "dim"


def speed_words(speed: Speed) -> str:
    """The verdict in one sentence."""
    if speed.why is not None:
        return f"{speed.verdict}: {speed.why}"
    times = f"{1 / speed.ratio:.2f}" if speed.verdict == "faster" else f"{speed.ratio:.2f}"
    low, high = sorted((1 / speed.low, 1 / speed.high)) if speed.verdict == "faster" else (speed.low, speed.high)
    between = f"({low:.2f} to {high:.2f} with 99 %, {speed.pairs} pairs)"
    if speed.verdict == "no difference":
        return f"no difference: B takes {times} times as long as A {between}"
    return f"B is {speed.verdict}: {times} times {between}"


def _side(side: Side) -> str:
    told = ", ".join(each for each in (side.model, side.engine, side.device, side.precision, side.date) if each)
    fallback = f" ({side.fallback})" if side.fallback else ""
    return f"{side.name}: {told}{fallback}" if told else side.name


def _parity(found: Comparison) -> str:
    if found.parity:
        return "parity: B gives what A gives"
    return "NO PARITY: B does not give what A gives, so no speed is told"


def _share(share: Share) -> str:
    things = f"{share.count} {share.of}" if share.count != 1 else f"1 {share.of.removesuffix('s')}"
    return f"{share.share:.1%} equal ({share.low:.1%} to {share.high:.1%} with 95 %, {things})"


def _row(each: Apart) -> tuple[tuple[str, ...], str]:
    name = each.name if each.kind is None else f"  {each.name}"
    judged = "within" if each.agrees else "BEYOND"
    return (name, judged, f"{each.relative:.2g}", f"{each.allowed:.2g}", each.kind or "stage"), (
        "" if each.agrees else "bold red"
    )
