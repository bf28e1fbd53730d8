"""The time line of the HTML report: pictures, an axis, shots, a lane for each question, the distance percentiles."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from videobert.report.hues import hue_style
from videobert.report.open_answers import UNSURE, unsure_with_guess
from videobert.report.safe_text import escaped
from videobert.report.times import clock, span
from videobert.results.run import Report, ReportSegment, Shot, Still

# So many pictures have room beside each other.
_FILM_CELLS = 12
_TICKS = 10
_TICK_STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
# Below this share of the width a block has no room for a word.
_SLIM = 0.025
# With more bars than this, gaps between them would be all there is to see.
_DENSE = 100
_COLOURS = (
    "In a lane, one colour is one answer, the same in every report: a full colour is what the answer names, a pale one "
    "only tells answers apart."
)
FAR_PERCENTILE = 99.0


class _Run(NamedTuple):
    """A stretch with one best answer to one question, over any number of segments; without one where it is open."""

    start_s: float
    end_s: float
    answer: str | None
    lowest_score: float
    guess: str = ""


def timeline(report: Report, pictures: Sequence[tuple[Still, str]]) -> str:
    """The card's content. `pictures` are stills of the video with their CSS classes, in order."""
    segments = report.segments
    scale = _Scale(segments)
    parts = [_film(pictures, scale)] if pictures else []
    parts.append(_axis(scale))
    if report.shots:
        parts.append(_shots(report.shots, scale))
    asked = questions(report)
    parts += [_answers(question, segments, scale) for question in asked]
    parts.append(_levels(segments, scale))
    if asked:
        parts.append(f'<p class="note">{_COLOURS}</p>')
    return "".join(parts)


def film_stills(report: Report) -> list[Still]:
    """The stills that the film shows: as many as have room, evenly chosen."""
    count = min(len(report.stills), _FILM_CELLS)
    return [report.stills[(2 * cell + 1) * len(report.stills) // (2 * count)] for cell in range(count)]


def questions(report: Report) -> list[str]:
    """The questions of all segments, in order of first appearance."""
    return list(dict.fromkeys(name for segment in report.segments for name in segment.answers))


class _Scale:
    """Times as percentages of the width."""

    def __init__(self, segments: Sequence[ReportSegment]) -> None:
        self.start_s = min(segment.start_s for segment in segments)
        self.end_s = max(segment.end_s for segment in segments)
        self.length_s = max(self.end_s - self.start_s, 1e-9)

    def share(self, time_s: float) -> float:
        return (time_s - self.start_s) / self.length_s

    def place(self, start_s: float, end_s: float) -> str:
        return f"left:{100 * self.share(start_s):.3f}%;width:{100 * (end_s - start_s) / self.length_s:.3f}%"

    def ticks(self) -> Iterator[float]:
        step_s = next((step for step in _TICK_STEPS_S if self.length_s / step <= _TICKS), self.length_s / _TICKS)
        first = math.ceil(self.start_s / step_s - 1e-9)
        for number in range(first, math.floor(self.end_s / step_s + 1e-9) + 1):
            yield number * step_s


def _lane(name: str, content: str) -> str:
    return f'<div class="lane"><div class="name" title="{escaped(name)}">{escaped(name)}</div>{content}</div>'


def _film(pictures: Sequence[tuple[Still, str]], scale: _Scale) -> str:
    """Each still once, about where its time is: a cell goes half the way to the next still."""
    times_s = [still.time_s for still, _ in pictures]
    bounds_s = [scale.start_s, *((a + b) / 2 for a, b in pairwise(times_s)), scale.end_s]
    shown = "".join(
        f'<i class="picture {name}" style="{scale.place(start_s, end_s)}">'
        f"<span>{escaped(clock(still.time_s))}</span></i>"
        for (still, name), (start_s, end_s) in zip(pictures, pairwise(bounds_s), strict=True)
    )
    return _lane("", f'<div class="strip film" aria-hidden="true">{shown}</div>')


def _axis(scale: _Scale) -> str:
    marks = []
    for time_s in scale.ticks():
        share = scale.share(time_s)
        edge = "first" if share < 0.01 else "last" if share > 0.99 else ""
        marks.append(
            f'<i style="left:{100 * share:.3f}%"></i>'
            f'<span class="{edge}" style="left:{100 * share:.3f}%">{escaped(clock(time_s))}</span>'
        )
    return _lane("", f'<div class="strip axis">{"".join(marks)}</div>')


def _shots(shots: Sequence[Shot], scale: _Scale) -> str:
    """The stretches between cuts, in two greys by turns."""
    blocks = []
    for number, shot in enumerate(shots, start=1):
        start_s, end_s = max(shot.start_s, scale.start_s), min(shot.end_s, scale.end_s)
        if not start_s < end_s:
            continue
        slim = (end_s - start_s) / scale.length_s < _SLIM
        kind = f"shot{' other' if number % 2 == 0 else ''}{' slim' if slim else ''}"
        blocks.append(
            f'<div class="{kind}" style="{scale.place(start_s, end_s)}" '
            f'title="shot {number}: {span(shot.start_s, shot.end_s)}">{"" if slim else number}</div>'
        )
    return _lane("shots", f'<div class="strip shots">{"".join(blocks)}</div>')


def _answers(question: str, segments: Sequence[ReportSegment], scale: _Scale) -> str:
    blocks = []
    for run in _runs(question, segments):
        slim = (run.end_s - run.start_s) / scale.length_s < _SLIM
        if run.answer is None:
            kind, colour, shown, said = " open", "", UNSURE, run.guess
        else:
            kind, colour, shown = "", f";{hue_style(run.answer)}", run.answer
            said = f"{run.answer}, score {run.lowest_score:.2f}"
        title = f"{span(run.start_s, run.end_s)}: {said}"
        blocks.append(
            f'<div class="block{kind}{" slim" if slim else ""}" '
            f'style="{scale.place(run.start_s, run.end_s)}{colour}" '
            f'title="{escaped(title)}">{"" if slim else escaped(shown)}</div>'
        )
    return _lane(question, f'<div class="strip">{"".join(blocks)}</div>')


def _runs(question: str, segments: Sequence[ReportSegment]) -> list[_Run]:
    runs: list[_Run] = []
    for segment in segments:
        candidates = segment.answers.get(question)
        if not candidates:
            continue
        best = candidates[0]
        unsure = question in segment.unsure
        answer = None if unsure else best.text
        last = runs[-1] if runs else None
        if last and last.answer == answer and math.isclose(last.end_s, segment.start_s, abs_tol=1e-3):
            runs[-1] = last._replace(
                end_s=segment.end_s,
                lowest_score=min(last.lowest_score, best.score),
                # Over several stretches there is no one guess.
                guess=UNSURE if unsure else "",
            )
        else:
            guess = unsure_with_guess(best) if unsure else ""
            runs.append(_Run(segment.start_s, segment.end_s, answer, best.score, guess))
    return runs


def _levels(segments: Sequence[ReportSegment], scale: _Scale) -> str:
    bars = []
    for segment in segments:
        if segment.percentile is None:
            continue
        height = segment.percentile if math.isfinite(segment.percentile) else 100.0
        title = f"{span(segment.start_s, segment.end_s)}: percentile {segment.percentile:.0f}"
        bars.append(
            f'<i class="{"far" if height > FAR_PERCENTILE else "near"}" title="{title}" '
            f'style="{scale.place(segment.start_s, segment.end_s)};height:{max(3.0, min(100.0, height)):.1f}%"></i>'
        )
    if not bars:
        return ""
    dense = " dense" if len(segments) > _DENSE else ""
    return _lane("percentile", f'<div class="strip levels{dense}">{"".join(bars)}</div>')
