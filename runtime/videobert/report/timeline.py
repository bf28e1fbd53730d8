"""The time line of the HTML report: pictures, an axis, shots, a lane for each question, the distance percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from videobert.report.answer_runs import questions_of, runs
from videobert.report.hues import hue_style
from videobert.report.open_answers import UNSURE
from videobert.report.safe_text import escaped
from videobert.report.time_scale import TimeScale
from videobert.report.times import clock, span
from videobert.results.run import Report, ReportSegment, Shot, Still

# So many pictures have room beside each other.
_FILM_CELLS = 12
# Below this share of the width a block has no room for a word.
_SLIM = 0.025
# With more bars than this, gaps between them would be all there is to see.
_DENSE = 100
_COLOURS = (
    "In a lane, one colour is one answer, the same in every report: a full colour is what the answer names, a pale one "
    "only tells answers apart."
)
FAR_PERCENTILE = 99.0


def timeline(report: Report, pictures: Sequence[tuple[Still, str]]) -> str:
    """The card's content. `pictures` are stills of the video with their CSS classes, in order."""
    segments = report.segments
    scale = TimeScale(segments)
    parts = [_film(pictures, scale)] if pictures else []
    parts.append(_axis(scale))
    if report.shots:
        parts.append(_shots(report.shots, scale))
    asked = questions_of(report.segments)
    parts += [_answers(question, segments, scale) for question in asked]
    parts.append(_levels(segments, scale))
    if asked:
        parts.append(f'<p class="note">{_COLOURS}</p>')
    return "".join(parts)


def film_stills(report: Report) -> list[Still]:
    """The stills that the film shows: as many as have room, evenly chosen."""
    count = min(len(report.stills), _FILM_CELLS)
    return [report.stills[(2 * cell + 1) * len(report.stills) // (2 * count)] for cell in range(count)]


def _lane(name: str, content: str) -> str:
    return f'<div class="lane"><div class="name" title="{escaped(name)}">{escaped(name)}</div>{content}</div>'


def _film(pictures: Sequence[tuple[Still, str]], scale: TimeScale) -> str:
    """Each still once, about where its time is: a cell goes half the way to the next still."""
    times_s = [still.time_s for still, _ in pictures]
    bounds_s = [scale.start_s, *((a + b) / 2 for a, b in pairwise(times_s)), scale.end_s]
    shown = "".join(
        f'<i class="picture {name}" style="{scale.place(start_s, end_s)}">'
        f"<span>{escaped(clock(still.time_s))}</span></i>"
        for (still, name), (start_s, end_s) in zip(pictures, pairwise(bounds_s), strict=True)
    )
    return _lane("", f'<div class="strip film" aria-hidden="true">{shown}</div>')


def _axis(scale: TimeScale) -> str:
    marks = []
    for time_s in scale.ticks():
        share = scale.share(time_s)
        edge = "first" if share < 0.01 else "last" if share > 0.99 else ""
        marks.append(
            f'<i style="left:{100 * share:.3f}%"></i>'
            f'<span class="{edge}" style="left:{100 * share:.3f}%">{escaped(clock(time_s))}</span>'
        )
    return _lane("", f'<div class="strip axis">{"".join(marks)}</div>')


def _shots(shots: Sequence[Shot], scale: TimeScale) -> str:
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


def _answers(question: str, segments: Sequence[ReportSegment], scale: TimeScale) -> str:
    blocks = []
    for run in runs(question, segments):
        slim = (run.end_s - run.start_s) / scale.length_s < _SLIM
        if run.answer is None:
            kind, colour, shown, said = " open", "", UNSURE, run.guess
        else:
            kind, colour, shown = "", f";{hue_style(run.answer)}", run.answer
            said = f"{run.answer}, score {run.score:.2f}"
        title = f"{span(run.start_s, run.end_s)}: {said}"
        blocks.append(
            f'<div class="block{kind}{" slim" if slim else ""}" '
            f'style="{scale.place(run.start_s, run.end_s)}{colour}" '
            f'title="{escaped(title)}">{"" if slim else escaped(shown)}</div>'
        )
    return _lane(question, f'<div class="strip">{"".join(blocks)}</div>')


def _levels(segments: Sequence[ReportSegment], scale: TimeScale) -> str:
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
