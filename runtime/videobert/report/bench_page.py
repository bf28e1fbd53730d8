"""A `Bench` as one self-contained HTML page: no script, nothing fetched, all text escaped."""

from __future__ import annotations

import math
from collections.abc import Sequence

from videobert.base.version import __version__
from videobert.report.bench_facts import STAGE_WORDS, amount, facts, failure_words, noise_words, setting_words
from videobert.report.safe_text import escaped
from videobert.report.style import STYLE
from videobert.report.times import elapsed
from videobert.results.bench import Bench, Roofs, StageTime, SweepPoint

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_BINS = 24
_CALL_HEADS = ("call p50", "call p90", "call p95", "call p99")
_STYLE = """
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
td, th { padding: 3px 14px 3px 0; vertical-align: top; }
td.n, th.n { text-align: right; }
.fall { display: grid; grid-template-columns: 150px 1fr 90px; align-items: center; gap: 10px; margin: 3px 0; }
.fall .bar { position: relative; height: 18px; background: var(--track); border-radius: 4px; }
.fall .bar i { position: absolute; top: 0; bottom: 0; background: var(--accent); border-radius: 4px; min-width: 1px; }
.fall.beside .bar i { background: var(--far); }
.fall b { text-align: right; font-weight: 500; font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
svg rect, svg circle { fill: var(--accent); } svg path { stroke: var(--faint); fill: none; }
"""


def bench_page(bench: Bench) -> str:
    """The page, to be written as UTF-8."""
    trust = "in" if bench.noise.quiet else "out"
    cards = [
        _card("Stages", _waterfall(bench)),
        _card("Latency", _histogram(bench.answers_s)),
        _card("Stages in figures", _stage_table(bench.stages)),
    ]
    if bench.roofs is not None:
        cards.append(_card("Roofline", _roofline(bench.stages, bench.roofs, bench.precision)))
    if bench.sweep:
        cards.append(_card("Sweep", _sweep_table(bench.sweep)))
    known = "".join(f"<tr><th>{escaped(name)}</th><td>{escaped(said)}</td></tr>" for name, said in facts(bench))
    around = "".join(
        f"<tr><th>{escaped(str(name))}</th><td>{escaped(_value(value))}</td></tr>"
        for name, value in bench.environment.items()
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(bench.model)} · bench · videobert</title><style>{STYLE}{_STYLE}</style></head>\n"
        f'<body><main><div class="head"><div><div class="brand">videobert bench</div><h1>{escaped(bench.model)}</h1>'
        f'</div><div class="badge {trust}">{"quiet" if bench.noise.quiet else "noisy"} machine</div></div>'
        f'<p class="note">{escaped(noise_words(bench.noise))}</p>'
        f"{_card('Answer', f'<table>{known}</table>')}{''.join(cards)}"
        f"{_card('Environment', f'<table>{around}</table>')}"
        f"<footer>videobert {escaped(__version__)} · what runs beside the caller is no part of the sum</footer>"
        "</main></body></html>\n"
    )


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _card(title: str, content: str) -> str:
    return f'<section class="card"><h2>{escaped(title)}</h2>{content}</section>'


def _waterfall(bench: Bench) -> str:
    """The stages of the caller one behind the other, then what runs beside them."""
    whole = sum(stage.self_s for stage in bench.stages if stage.thread == "caller") or 1.0
    rows, at = [], 0.0
    for stage in bench.stages:
        here = stage.thread == "caller"
        left = at / whole if here else 0.0
        length = min(stage.self_s / whole, 1.0)
        at += stage.self_s if here else 0.0
        name, kind = (stage.name, "fall") if here else (f"{stage.name} (beside)", "fall beside")
        rows.append(
            f'<div class="{kind}"><span>{escaped(name)}</span>'
            f'<span class="bar"><i style="left:{left:.2%};width:{length:.2%}"></i></span>'
            f"<b>{escaped(elapsed(stage.self_s))}</b></div>"
        )
    return "".join(rows)


def _histogram(times_s: Sequence[float]) -> str:
    low, high = min(times_s), max(times_s)
    width = (high - low) / _BINS or 1.0
    counts = [0] * _BINS
    for time_s in times_s:
        counts[min(_BINS - 1, int((time_s - low) / width))] += 1
    top = max(counts)
    bars = "".join(
        f'<rect x="{10 + place * 24}" y="{100 - 90 * count / top:.1f}" width="22" height="{90 * count / top:.1f}"/>'
        for place, count in enumerate(counts)
        if count
    )
    return (
        f'<svg viewBox="0 0 600 120" role="img"><title>{len(times_s)} answers</title>{bars}'
        f'<text x="10" y="115">{escaped(elapsed(low))}</text>'
        f'<text x="586" y="115" text-anchor="end">{escaped(elapsed(high))}</text></svg>'
    )


def _stage_table(stages: Sequence[StageTime]) -> str:
    heads = ("stage", "own time", "calls", *_CALL_HEADS, "FLOP/s", "of roof", "B/s", "of copy")
    rows = []
    for stage in stages:
        call = stage.call
        cells = (
            stage.name if stage.thread == "caller" else f"{stage.name} (beside)",
            elapsed(stage.self_s),
            f"{stage.calls:g}",
            *map(elapsed, (call.p50, call.p90, call.p95, call.p99)),
            "" if stage.flops_per_s is None else amount(stage.flops_per_s, ""),
            "" if stage.of_roof is None else f"{stage.of_roof:.0%}",
            "" if stage.bytes_per_s is None else amount(stage.bytes_per_s, ""),
            "" if stage.of_bandwidth is None else f"{stage.of_bandwidth:.0%}",
        )
        rows.append(cells)
    return _table(heads, rows) + f'<p class="note">{escaped(STAGE_WORDS)}</p>'


def _sweep_table(points: Sequence[SweepPoint]) -> str:
    rows = [
        (setting_words(point), "–", "–", "–")
        if point.answer is None or point.times_real_time is None
        else (
            setting_words(point),
            elapsed(point.answer.p50),
            f"{point.times_real_time:.1f}",
            "" if point.same_answers is None else f"{point.same_answers:.1%}",
        )
        for point in points
    ]
    failures = "".join(f'<p class="note">{escaped(why)}</p>' for why in failure_words(points))
    return _table(("setting", "answer", "x real time", "same answers"), rows) + failures


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if place else ''}>{escaped(cell)}</{tag}>" for place, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><tr>{line(heads, 'th')}</tr>{body}</table>"


def _roofline(stages: Sequence[StageTime], roofs: Roofs, precision: str) -> str:
    """Operations a second over operations a byte, both in powers of ten, below what the machine allows."""
    roof = roofs.flops_per_s.get(precision)
    points = [
        (stage.name, stage.flops / stage.least_bytes, stage.flops_per_s)
        for stage in stages
        if stage.flops and stage.least_bytes and stage.flops_per_s
    ]
    if roof is None or not points:
        return '<p class="note">No stage has a graph to count, or the machine was not measured in this precision.</p>'
    ridge = roof / roofs.bytes_per_s
    left = math.log10(min(0.1, *(x for _, x, _ in points))) - 0.2
    right = math.log10(max(ridge * 10, *(x for _, x, _ in points))) + 0.2
    low = math.log10(min(roofs.bytes_per_s * 10**left, *(y for _, _, y in points))) - 0.2
    high = math.log10(max(roof, *(y for _, _, y in points))) + 0.2

    def place(x: float, y: float) -> tuple[float, float]:
        across = 40 + 540 * (math.log10(x) - left) / (right - left)
        return across, 220 - 200 * (math.log10(y) - low) / (high - low)

    corners = (10**left, roofs.bytes_per_s * 10**left), (ridge, roof), (10**right, roof)
    path = " L".join(f"{x:.1f} {y:.1f}" for x, y in (place(*corner) for corner in corners))
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/><text x="{x + 7:.1f}" y="{y + 4:.1f}">{escaped(name)}</text>'
        for name, (x, y) in ((name, place(a, b)) for name, a, b in points)
    )
    return (
        f'<svg viewBox="0 0 600 250" role="img"><title>roofline, {escaped(precision)}</title><path d="M{path}"/>{dots}'
        f'<text x="40" y="245">operations a byte, {amount(10**left, "")} to {amount(10**right, "")}</text>'
        f'<text x="586" y="12" text-anchor="end">{amount(roof, "FLOP/s")}, {amount(roofs.bytes_per_s, "B/s")}</text>'
        "</svg>"
    )
