"""`edit`: which parts of a film an instruction leaves, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from videobert.base.arguments import number
from videobert.base.errors import UsageError
from videobert.editing.edited_film import edited_film
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import FrameTable, read_frame_table
from videobert.editing.grammar import GRAMMAR, Step, Times, What, Words, parse
from videobert.editing.operations import Part, done
from videobert.editing.spans import SpanLike, seconds_of, snapped
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.results.edit import EditPlan, EditSpan, Sought, SoughtStretch
from videobert.results.origin import Origin
from videobert.tasks.features import features
from videobert.tasks.locate import locate

BY_HAND = "by hand"
_LONGEST_S = 1e9
# So many stretches of a text are taken: all that fit, in any film that a person cuts.
_MOST_HITS = 1000
# Of the progress that is told, what reading the film's packets is worth where its pictures are looked at after that.
_TABLE_SHARE = 0.1


def edit(
    opened: OpenedModel,
    video: Any,
    instruction: str | None,
    keep: Iterable[SpanLike] | None,
    remove: Iterable[SpanLike] | None,
    seconds: float | None,
    with_evidence: bool,
    request: Request,
) -> EditPlan:
    """See `Runtime.edit`."""
    steps = _steps(instruction, keep, remove, seconds)
    named = [what for step in steps for what in (*step.what, *step.where)]
    texts = list(dict.fromkeys(what.text for what in named if isinstance(what, Words)))
    if with_evidence and not texts:
        raise UsageError(
            "nothing is looked for, so there is nothing that a cut could rest on",
            seen="; ".join(map(str, steps)),
            allowed="an instruction that says what is seen",
            fix="Leave evidence out.",
            fix_cli="Leave --evidence out.",
        )
    source = FilmSource(video, request.track, opened.limits)
    # All that there is to do where nothing is looked for, and little of it where the film is watched.
    share = _TABLE_SHARE if texts else 1.0
    told = request.on_progress
    table = read_frame_table(
        source,
        on_progress=None if told is None else lambda done_s, _: told(share * done_s, None),
        cancel=request.cancel,
    )
    if told is not None:
        length_s = float(table.time(len(table)) - table.time(0))
        told(share * length_s, length_s)
        request = replace(
            request,
            on_progress=lambda done_s, _: told(min(length_s, share * length_s + (1 - share) * done_s), length_s),
        )
    film = edited_film(source, table)
    source.rewind()
    found = _Found(opened, video, texts, with_evidence, request)
    parts = done(steps, table, lambda what, best: _resolved(what, best, table, found))
    kept = tuple(_span(part, table) for part in _joined(parts))
    ticks = sum(table.bound(part.end) - table.bound(part.first) for part in parts)
    return EditPlan(
        spans=kept,
        duration_s=float(ticks * table.time_base),
        film=film,
        instruction=instruction,
        steps=tuple(map(str, steps)),
        sought=tuple(Sought(text=text, stretches=tuple(stretches)) for text, stretches in found.stretches.items()),
        percentile=found.percentile,
        out_of_domain=found.out_of_domain,
        origin=found.origin or opened.origin(),
    )


class _Found:
    """Where each text is found; the video is watched once, however many there are."""

    def __init__(
        self, opened: OpenedModel, video: Any, texts: Sequence[str], with_evidence: bool, request: Request
    ) -> None:
        self.stretches: dict[str, list[SoughtStretch]] = {}
        self.percentile: float | None = None
        self.out_of_domain = False
        self.origin: Origin | None = None
        if not texts:
            return
        watched = features(opened, video, request) if len(texts) > 1 else video
        for text in texts:
            located = locate(opened, watched, text, _MOST_HITS, with_evidence, request)
            # A wrong hit is a wrong cut: only those that come near the best are taken.
            self.stretches[text] = [
                SoughtStretch(
                    start_s=hit.start_s, end_s=hit.end_s, score=hit.score, unsure=hit.unsure, evidence=hit.evidence
                )
                for hit in located.clear
            ]
            self.percentile, self.out_of_domain = located.percentile, located.out_of_domain
            self.origin = located.origin


def _steps(
    instruction: str | None,
    keep: Iterable[SpanLike] | None,
    remove: Iterable[SpanLike] | None,
    seconds: float | None,
) -> tuple[Step, ...]:
    steps: list[Step] = []
    if keep is not None:
        steps.append(Step("keep", tuple(Times(*pair, by_hand=True) for pair in seconds_of("keep", keep))))
    if remove is not None:
        steps.append(Step("remove", tuple(Times(*pair, by_hand=True) for pair in seconds_of("remove", remove))))
    if instruction is not None:
        steps += parse(instruction)
    if seconds is not None:
        allowed = "a number of seconds above 0"
        most = number(
            "seconds", seconds, least=1e-6, most=_LONGEST_S, allowed=allowed, fix="Give it more, or leave it out."
        )
        steps.append(Step("at_most", seconds=Fraction(most)))
    if not steps:
        raise UsageError(
            "there is nothing to do",
            seen="no instruction and no spans",
            allowed=GRAMMAR,
            fix='For example edit(video, "keep only the parts where someone pours") or edit(video, keep=[(3, 7.5)]).',
            fix_cli='For example `videobert edit VIDEO "keep only the parts where someone pours"`, or --keep 3-7.5.',
        )
    return tuple(steps)


def _resolved(what: What, best: bool, table: FrameTable, found: _Found) -> Sequence[Part]:
    if isinstance(what, Times):
        ((first, end),) = snapped([_seconds(what, table)], table)
        return [Part(first, end, BY_HAND if what.by_hand else str(what))]
    stretches = found.stretches[what.text]
    if best and not what.every:
        stretches = stretches[:1]
    parts = []
    for stretch in stretches:
        first, end = (table.nearest_bound(Fraction(time)) for time in (stretch.start_s, stretch.end_s))
        if first < end:
            parts.append(Part(first, end, what.text, stretch.score, stretch.unsure))
    return parts


def _seconds(what: Times, table: FrameTable) -> tuple[Fraction, Fraction]:
    begin, end = table.time(0), table.time(len(table))
    if what.from_end:
        return max(begin, end - (what.start or 0)), end
    if what.from_start:
        return begin, min(end, begin + (what.end or 0))
    return begin if what.start is None else what.start, end if what.end is None else what.end


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Parts that go on from one another for one reason become one."""
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if last is not None and replace(last, first=part.first, end=part.end) == part and last.end == part.first:
            found[-1] = replace(last, end=part.end)
        else:
            found.append(part)
    return found


def _span(part: Part, table: FrameTable) -> EditSpan:
    return EditSpan(
        start_s=float(table.time(part.first)),
        end_s=float(table.time(part.end)),
        first_frame=part.first,
        frames=part.end - part.first,
        why=part.why,
        score=part.score,
        unsure=part.unsure,
    )
