"""A `Report` as one self-contained HTML page: nothing fetched, all text escaped, no script but its search box's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import instance
from videobert.base.version import __version__
from videobert.report.answer_runs import events_of
from videobert.report.caption_line import FROM_LABELS, MADE_OF, caption_line
from videobert.report.event_list import event_list
from videobert.report.evidence_strip import STRIP_STYLE, evidence_strip
from videobert.report.facts import (
    domain_sentence,
    recomputed_words,
    shots_found_by,
    speed,
    stages_overlap,
    timing_rows,
    untrained_words,
    video_facts,
    video_troubles,
)
from videobert.report.open_answers import UNSURE, UNSURE_MEANS
from videobert.report.page_search import SCRIPT, SCRIPT_HASH, SEARCH_BOX
from videobert.report.safe_text import escaped
from videobert.report.style import STYLE
from videobert.report.thumbnail import data_uri
from videobert.report.time_scale import TimeScale
from videobert.report.timeline import FAR_PERCENTILE, film_stills, timeline
from videobert.report.times import clock, elapsed, span
from videobert.results.candidate import Candidate
from videobert.results.run import Report, ReportSegment, Still

# A page must stay small enough to open and to mail: a picture is about 4 KB.
_MOST_PICTURES = 240
_CANDIDATES_SHOWN = 3
_TOKENS_SHOWN = 12
# Characters of an answer that have room in the narrowest column.
_LONG = 12
_NOTHING_ASKED = (
    "This model has no questions of its own and no visual tokens, so nothing stands beside the times; "
    "<code>videobert show</code> lists what it can be asked."
)
# Even if text got through unescaped, the browser would load nothing, and run nothing but the search box.
_POLICY = (
    f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'; base-uri 'none'; "
    "form-action 'none'"
)


def html_page(report: Report) -> str:
    """The page, to be written as UTF-8.

    Raises:
        UsageError: it is not the answer of `Runtime.run`.
    """
    instance("report", report, Report, example='html_page(model.run("clip.mp4"))')
    pictures, picture_style = _pictures(report)
    film = [(still, f"f{number}") for number, still in enumerate(film_stills(report))]
    picture_style += "".join(_rule(name, still.picture) for still, name in film)
    strip_style = STRIP_STYLE if any(segment.evidence for segment in report.segments) else ""
    if report.segments:
        segments = "".join(_segment(s, pictures.get(i), bool(pictures), film) for i, s in enumerate(report.segments))
        events = events_of(report.segments)
        body = "" if any(s.answers or s.tokens for s in report.segments) else f'<p class="note">{_NOTHING_ASKED}</p>'
        body += SEARCH_BOX + _card("Time line", timeline(report, film))
        body += _card("Answers that stay", event_list(events, TimeScale(report.segments))) if events else ""
        body += _card("Segments", segments) + SCRIPT
    else:
        body = _card("Segments", '<p class="note">The video holds nothing to answer about.</p>')
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(report.source)} · videobert</title>"
        f"<style>{STYLE}{strip_style}{picture_style}</style></head>\n"
        f'<body><main class="{"doubt" if report.out_of_domain else "trust"}{" long" if _has_long(report) else ""}">'
        f"{_head(report)}{_doubt(report)}{_tiles(report)}{body}"
        f'<div class="columns">{_card("Stages", _stages(report))}{_card("Origin", _origin(report))}</div>'
        f"<footer>videobert {escaped(__version__)} · {_how_to_read(report)}</footer></main></body></html>\n"
    )


def _how_to_read(report: Report) -> str:
    said = ["scores are probabilities over the answers offered"]
    if any(segment.unsure for segment in report.segments):
        said.append(f"{UNSURE} says: {UNSURE_MEANS}, and its first guesses are pale")
    if any(segment.evidence for segment in report.segments):
        said.append("marks below an answer say what its score loses without each clip")
    if report.percentile is not None:
        said.append(
            "the percentile says where a clip’s distance to its visual token lies among the training clips, 100 being "
            "further than any of them"
        )
    return "; ".join(said)


def _has_long(report: Report) -> bool:
    """Whether answers need columns that are wider than most do."""
    return any(
        len(candidate.text) > _LONG
        for segment in report.segments
        for ranked in segment.answers.values()
        for candidate in ranked[:_CANDIDATES_SHOWN]
    )


def _card(title: str, content: str) -> str:
    return f'<section class="card"><h2>{escaped(title)}</h2>{content}</section>'


def _pictures(report: Report) -> tuple[dict[int, str], str]:
    """CSS classes of the segments' thumbnails, and the rules that hold each picture once."""
    having = [index for index, segment in enumerate(report.segments) if segment.thumbnail is not None]
    step = max(1.0, len(having) / _MOST_PICTURES)
    chosen = [having[int(k * step)] for k in range(min(len(having), _MOST_PICTURES))]
    rules = []
    for index in chosen:
        thumbnail = report.segments[index].thumbnail
        if thumbnail is not None:
            rules.append(_rule(f"p{index}", thumbnail))
    return {index: f"p{index}" for index in chosen}, "".join(rules)


def _rule(name: str, picture: npt.NDArray[np.uint8]) -> str:
    return f".{name}{{background-image:url({data_uri(picture)})}}\n"


def _doubt(report: Report) -> str:
    """What being out of domain means, where it cannot be overlooked."""
    if not report.out_of_domain:
        return ""
    sentence = domain_sentence(report)
    return f'<p class="warning" role="alert">{escaped(sentence[0].upper() + sentence[1:])}.</p>'


def _head(report: Report) -> str:
    facts = " · ".join([clock(report.duration_s), *video_facts(report)])
    troubles = "; ".join(video_troubles(report))
    trouble = f'<p class="trouble">{escaped(troubles)}</p>' if troubles else ""
    return (
        f'<header class="head"><div><div class="brand">videobert report</div><h1>{escaped(report.source)}</h1>'
        f'<p class="facts">{escaped(facts)}</p>{_caption(report)}{trouble}</div>{_badge(report)}</header>'
    )


def _caption(report: Report) -> str:
    said = caption_line(report)
    made_of = f'<span class="small" title="{MADE_OF}">{FROM_LABELS}</span>'
    return f'<p class="caption">{escaped(said)} {made_of}</p>' if said else ""


def _badge(report: Report) -> str:
    """Whether the video is like the training; nothing of a model whose distances do not tell."""
    if report.percentile is None:
        return ""
    kind, words = ("out", "out of domain") if report.out_of_domain else ("in", "in domain")
    return f'<div class="badge {kind}" title="median distance percentile {_whole(report.percentile)}">{words}</div>'


def _tiles(report: Report) -> str:
    tokens = sum(len(segment.tokens) for segment in report.segments)
    total_s = report.timings_s.get("total")
    tiles = [(str(len(report.segments)), "segments")]
    if report.shots:
        tiles.append((str(len(report.shots)), "shots" if len(report.shots) > 1 else "shot, no cut"))
    tiles.append((str(tokens), "visual tokens"))
    if report.percentile is not None:
        tiles.append((_whole(report.percentile), "median percentile"))
    if total_s is not None:
        tiles.append((elapsed(total_s), "to answer"))
    fast = speed(report)
    if fast:
        tiles.append((fast.split()[0], "real time"))
    cells = "".join(
        f'<div class="tile"><b>{escaped(value)}</b><span>{escaped(name)}</span></div>' for value, name in tiles
    )
    return f'<div class="tiles">{cells}</div>'


def _segment(
    segment: ReportSegment, picture: str | None, with_pictures: bool, film: Sequence[tuple[Still, str]]
) -> str:
    shown = f'<div class="picture {picture or ""}"></div>' if with_pictures else ""
    tokens = "".join(f"<code>{escaped(token)}</code>" for token in segment.tokens[:_TOKENS_SHOWN])
    more = len(segment.tokens) - _TOKENS_SHOWN
    if more > 0:
        tokens += f'<span class="small">+{more}</span>'
    padded = (
        f'<div class="small" title="the last frame, repeated">{segment.padded_frames} frames padded</div>'
        if segment.padded_frames
        else ""
    )
    said = f'<p class="said">{escaped(segment.sentence)}</p>' if segment.sentence is not None else ""
    answers = "".join(
        _answer(question, ranked, question in segment.unsure, evidence_strip(segment.evidence.get(question, ()), film))
        for question, ranked in segment.answers.items()
    )
    return (
        f'<article class="segment{"" if with_pictures else " plain"}">{shown}'
        f'<div><div class="when">{escaped(span(segment.start_s, segment.end_s))}</div>'
        f'<div class="tokens">{tokens}</div>{padded}{_level(segment.percentile)}</div>'
        f'<div>{said}<div class="answers">{answers}</div></div></article>'
    )


def _answer(question: str, ranked: tuple[Candidate, ...], unsure: bool, rests_on: str) -> str:
    rows = "".join(
        f'<div class="candidate{" best" if rank == 0 else ""}">'
        f'<span title="{escaped(candidate.text)}">{escaped(candidate.text)}</span>'
        f'<div class="bar"><i style="width:{100 * _share(candidate.score):.1f}%"></i></div>'
        f"<em>{candidate.score:.2f}</em></div>"
        for rank, candidate in enumerate(ranked[:_CANDIDATES_SHOWN])
    )
    if unsure:
        return f'<div class="open"><h3>{escaped(question)} <b>{UNSURE}</b></h3>{rows}{rests_on}</div>'
    return f"<div><h3>{escaped(question)}</h3>{rows}{rests_on}</div>"


def _level(percentile: float | None) -> str:
    if percentile is None:
        return ""
    far = not percentile <= FAR_PERCENTILE
    kind, words = ("level far", "unlike the training clips") if far else ("level", "like the training clips")
    return (
        f'<div class="{kind}" title="{words}">percentile <b>{_whole(percentile)}</b>'
        f'<div class="bar"><i style="width:{100 * _share(percentile / 100):.1f}%"></i></div></div>'
    )


def _stages(report: Report) -> str:
    rows = timing_rows(report)
    total_s = report.timings_s.get("total", 0.0)
    width_s = max(sum(time_s for _, time_s in rows), total_s, 1e-9)
    parts, start_s = [], 0.0
    for name, time_s in rows:
        parts.append(_stage(name, "", start_s / width_s, time_s / width_s, time_s))
        start_s += time_s
    if total_s > 0:
        parts.append(_stage("total", " total", 0.0, total_s / width_s, total_s))
    note = '<p class="note">Stages run side by side, so together they can take longer than the total.</p>'
    return "".join(parts) + (note if stages_overlap(report) else "")


def _stage(name: str, kind: str, start: float, length: float, time_s: float) -> str:
    return (
        f'<div class="stage{kind}"><span>{escaped(name)}</span>'
        f'<div class="run"><i style="left:{100 * start:.2f}%;width:{100 * length:.2f}%"></i></div>'
        f"<em>{escaped(elapsed(time_s))}</em></div>"
    )


def _origin(report: Report) -> str:
    origin = report.origin
    rows = [
        ("model", escaped(origin.model)),
        ("engine", escaped(f"{origin.engine} on {origin.device}")),
        ("precision", escaped(", ".join(filter(None, (origin.precision, recomputed_words(origin)))))),
        ("weights", f"<code>{escaped(origin.weights)}</code>"),
        ("recipe", f"<code>{escaped(origin.recipe)}</code>"),
        ("stride", escaped(origin.stride)),
    ]
    if origin.tokens_from:
        rows.append(("tokens from", escaped(f"{origin.tokens_from.engine}, {origin.tokens_from.precision}")))
    if origin.untrained:
        rows.append(("untrained", f'<span class="fallback">{escaped(untrained_words(origin))}</span>'))
    for fallback in (origin.fallback, origin.decoder_fallback):
        if fallback:
            rows.append(("fallback", f'<span class="fallback">{escaped(fallback)}</span>'))
    if report.shots:
        rows.append(("shots", escaped(shots_found_by(report))))
    return f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in rows)}</dl>"


def _whole(percentile: float | None) -> str:
    return f"{percentile:.0f}" if percentile is not None and math.isfinite(percentile) else "–"


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0
