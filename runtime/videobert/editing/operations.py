"""Steps of an instruction done on a film: stretches of frames that stay, in the order of the new film."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from videobert.base.errors import InputError
from videobert.editing.frame_table import FrameTable
from videobert.editing.grammar import Step, What

NOT_CUT_OUT = "not cut out"


@dataclass(frozen=True, slots=True)
class Part:
    """Frames `first` to before `end` that stay.

    Args:
        why: what asked for them.
        score: how well they fit it; None where nothing was looked for.
        unsure: whoever found them does not stand to it.
    """

    first: int
    end: int
    why: str = NOT_CUT_OUT
    score: float | None = None
    unsure: bool = False

    def as_asked_by(self, other: Part) -> Part:
        """The same frames, because of another part."""
        return replace(self, why=other.why, score=other.score, unsure=other.unsure)


# Gives the parts of the film that some words or times name; the second argument asks for the best one alone.
Resolve = Callable[[What, bool], Sequence[Part]]


def done(steps: Iterable[Step], table: FrameTable, resolve: Resolve) -> list[Part]:
    """What is left of the whole film when all steps are done.

    Raises:
        InputError: nothing is left; the error says which step took the last.
    """
    parts = [Part(0, len(table))]
    for step in steps:
        parts = _done(step, parts, table, resolve)
        if not parts:
            raise InputError(
                "nothing is left of the film",
                seen=str(step),
                allowed="steps that leave something",
                fix="Say it otherwise, or look where the text is found: `Runtime.locate`.",
                fix_cli="Say it otherwise, or look where the text is found: `videobert locate VIDEO TEXT`.",
            )
    return parts


def merged(parts: Iterable[Part]) -> list[Part]:
    """Parts in the order of the film, those that overlap or touch as one, with the best score of them."""
    found: list[Part] = []
    for part in sorted(parts, key=lambda each: (each.first, each.end)):
        if found and part.first <= found[-1].end:
            last = found[-1]
            scores = [score for score in (last.score, part.score) if score is not None]
            why = last.why if part.why in last.why.split(" and ") else f"{last.why} and {part.why}"
            unsure = last.unsure and part.unsure
            found[-1] = Part(last.first, max(last.end, part.end), why, max(scores, default=None), unsure)
        else:
            found.append(part)
    return found


def _done(step: Step, parts: list[Part], table: FrameTable, resolve: Resolve) -> list[Part]:
    match step.kind:
        case "reverse":
            return parts[::-1]
        case "at_most":
            return _at_most(parts, table, step.seconds or Fraction(0))
        case "keep":
            return _inside(parts, _named(step.what, resolve))
        case "remove":
            return _outside(parts, _named(step.what, resolve))
    moved = _named(step.what, resolve, best=True)
    taken = [part.as_asked_by(other) for part, other in _common(parts, moved)]
    rest = _outside(parts, moved)
    if step.kind in ("front", "end"):
        return taken + rest if step.kind == "front" else rest + taken
    anchor = _named(step.where, resolve, best=True)
    # Where there is nothing to move to, all stays where it is.
    return _beside(taken, rest, anchor, after=step.kind == "after") or parts


def _named(what: Iterable[What], resolve: Resolve, *, best: bool = False) -> list[Part]:
    return merged(part for each in what for part in resolve(each, best))


def _common(parts: Iterable[Part], others: Sequence[Part]) -> list[tuple[Part, Part]]:
    """What of each part lies in which other, in the order of the parts."""
    found = []
    for part in parts:
        for other in others:
            first, end = max(part.first, other.first), min(part.end, other.end)
            if first < end:
                found.append((replace(part, first=first, end=end), other))
    return found


def _inside(parts: Iterable[Part], others: Sequence[Part]) -> list[Part]:
    return [part.as_asked_by(other) for part, other in _common(parts, others)]


def _outside(parts: Iterable[Part], others: Sequence[Part]) -> list[Part]:
    found = []
    for part in parts:
        at = part.first
        for other in others:
            if other.end <= at or other.first >= part.end:
                continue
            if other.first > at:
                found.append(replace(part, first=at, end=other.first))
            at = max(at, other.end)
        if at < part.end:
            found.append(replace(part, first=at))
    return found


def _beside(taken: list[Part], rest: list[Part], anchor: Sequence[Part], *, after: bool) -> list[Part]:
    """`rest` with what was taken out of it put before the first of the anchor's frames, or behind the last.

    Empty where no frame of the anchor is left.
    """
    bounds = [(at, part) for at, whole in enumerate(rest) for part, _ in _common([whole], anchor)]
    if not bounds:
        return []
    at, part = bounds[-1] if after else bounds[0]
    cut = part.end if after else part.first
    whole = rest[at]
    halves = [replace(whole, end=cut), replace(whole, first=cut)]
    before, behind = ([half] if half.first < half.end else [] for half in halves)
    return [*rest[:at], *before, *taken, *behind, *rest[at + 1 :]]


def _at_most(parts: list[Part], table: FrameTable, seconds: Fraction) -> list[Part]:
    """The best parts that fit, in their order; of the one that does not fit any more, its beginning."""
    left = seconds / table.time_base
    ranked = sorted(range(len(parts)), key=lambda n: -(parts[n].score or 0.0))
    kept: dict[int, Part] = {}
    for number in ranked:
        part = parts[number]
        length = table.bound(part.end) - table.bound(part.first)
        if length > left:
            end = table.frames_within(part.first, left)
            if end > part.first:
                kept[number] = replace(part, end=end)
            break
        kept[number] = part
        left -= length
    return [kept[number] for number in sorted(kept)]
