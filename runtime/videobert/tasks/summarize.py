"""`summarize`: the stretches that stand for a whole video, under a budget of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import number
from videobert.base.errors import InputError, UsageError
from videobert.pipeline.clip_vectors import clip_vectors
from videobert.pipeline.evidence import evidence
from videobert.pipeline.facility_location import Chosen, choose
from videobert.pipeline.film_places import Places, film_places, looks_of
from videobert.pipeline.film_units import Unit, film_units
from videobert.pipeline.mean_fit import Fits, text_fits
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.watched import ClipTimes, Watched, watch_shots
from videobert.results.evidence import Evidence
from videobert.results.summarize import Summary, SummarySpan, Why
from videobert.text.reader import ReadText

Floats = npt.NDArray[np.float64]

# A kind of which the video has no more than this share is rare.
_RARE_SHARE = 0.05
# At 1 every kind of scene would count alike, however long it lasts; above that rare ones count for more.
_RARITY = 1.75
# Of what counts as more of the same kind, similarities are raised to this: what differs in little is another kind.
_SHARPNESS = 4
_ROWS = 256
# Share of the worth that what fits the text has together, where something fits it wholly.
_WORTH_OF_TEXT = 0.75
# From here on a span is kept because it fits the text.
_FITS = 0.5
_MOST_S = 1e9


def summarize(
    opened: OpenedModel,
    video: Any,
    seconds: float | None,
    share: float,
    text: str | None,
    with_evidence: bool,
    request: Request,
) -> Summary:
    """See `Runtime.summarize`."""
    seconds, share = _budget(seconds, share)
    read = None
    if text is not None:
        opened.need("aligns")
        read = read_text(opened, text)
    watched = watch_shots(opened, video, request, always=True)
    vectors = clip_vectors(opened, watched)
    start_s, end_s = watched.clips.start_s, watched.clips.end_s.copy()
    # A last clip that is for the most part one frame, repeated, shows nothing of its own: the one before it goes on.
    if len(start_s) > 1 and 2 * watched.clips.padded_frames > opened.recipe.frames:
        vectors = vectors._replace(rows=vectors.rows[:-1])
        start_s, end_s = start_s[:-1], np.append(end_s[:-2], end_s[-1])
    duration_s = float(end_s[-1] - start_s[0])
    budget_s = min(duration_s, share * duration_s if seconds is None else seconds)
    units = film_units(vectors, start_s, end_s, watched.cuts_s, budget_s)
    # What flashes by costs as much as a clip, so that it does not crowd out what can be watched.
    lengths = np.array([unit.seconds for unit in units])
    costs = np.maximum(lengths, min(float(opened.recipe.clip_duration_s), duration_s))
    shortest_s = float(costs.min())
    if seconds is not None and budget_s < shortest_s:
        raise InputError(
            "the summary would be shorter than anything that it could hold",
            seen=f"{seconds:g} s",
            allowed=f"{shortest_s:.2f} s or more of this video",
            fix="Ask for a longer one.",
        )
    # A share of a short video may be less than one clip, which is the least there is.
    budget_s = max(budget_s, shortest_s)
    places = film_places(vectors, units)
    fits = None if read is None else _fits(opened, watched, read, units, request)
    similar = places.to_units()
    worth = _worth(places, lengths, fits)
    chosen = choose(similar, worth, costs, budget_s, request.cancel)
    picks = sorted(chosen.picks)
    kinds = _kinds(similar[:, [pick.unit for pick in picks]], vectors.alike, places.seconds)
    fitting = [None if fits is None else float(fits.scores[pick.unit]) for pick in picks]
    spans = [
        _span(units[pick.unit], pick.gain, kind, scored, duration_s)
        for pick, kind, scored in zip(picks, kinds, fitting, strict=True)
    ]
    if with_evidence:
        adds = _Adds(places, similar, worth, chosen)
        times = ClipTimes(start_s=start_s, end_s=end_s, padded_frames=0)
        spans = [
            replace(span, evidence=_by_text(times, units[pick.unit], fits))
            if fits is not None and span.why == "text"
            else replace(span, evidence=adds.evidence(times, units[pick.unit], pick.unit))
            for span, pick in zip(spans, picks, strict=True)
        ]
    return Summary(
        spans=tuple(spans),
        budget_s=budget_s,
        duration_s=duration_s,
        cover=chosen.cover,
        shots_by=watched.shots_by,
        percentile=watched.percentile,
        out_of_domain=watched.out_of_domain,
        origin=opened.resting_on(
            watched.origin, *(() if read is None else ("aligns",)), text=read is not None, video=True
        ),
        text=text,
        calibrated=None if fits is None else fits.calibrated,
        unsure=fits is not None and fits.calibrated and float(fits.scores.max()) < _FITS,
        unknown_words=() if read is None else read.unknown_words,
    )


def _budget(seconds: float | None, share: float) -> tuple[float | None, float]:
    """Both as numbers.

    Raises:
        UsageError: one is none, or out of range.
    """
    return (
        None if seconds is None else _above_nought("seconds", seconds, _MOST_S, "above 0"),
        _above_nought("share", share, 1, "above 0, at most 1"),
    )


def _above_nought(name: str, value: object, most: float, allowed: str) -> float:
    fix = "For example seconds=30, or share=0.15 of the video."
    found = number(name, value, least=0, most=most, allowed=allowed, fix=fix)
    if found == 0:
        raise UsageError(
            "a summary of no length is none",
            seen=value,
            allowed=allowed,
            fix=fix,
            fix_cli="For example --seconds 30, or --share 0.15 of the video.",
        )
    return float(found)


def _fits(opened: OpenedModel, watched: Watched, read: ReadText, units: Sequence[Unit], request: Request) -> Fits:
    return text_fits(opened, watched, read.pieces, [range(unit.first, unit.stop) for unit in units], request.cancel)


def _worth(places: Places, unit_seconds: Floats, fits: Fits | None) -> Floats:
    """What each place is worth: the less of the film looks like it, the more, so that what is rare comes first.

    With a text, what fits it has a share of all worth, by how long it is; the share fades where nothing fits.
    """
    seconds = places.seconds.astype(np.float32)
    starts = range(0, len(seconds), _ROWS)
    mass = np.concatenate([places.similar[start : start + _ROWS] ** _SHARPNESS @ seconds for start in starts])
    worth: Floats = places.seconds / np.maximum(mass, 1e-9) ** _RARITY
    worth /= worth.sum()
    if fits is None:
        return worth
    looks = np.diff([*places.begins, len(places.of_looks)])
    of_looks = np.repeat(unit_seconds / looks * fits.scores**2, looks)
    fitting = np.bincount(places.of_looks, of_looks, minlength=len(worth))
    share = _WORTH_OF_TEXT * float(fits.scores.max())
    return worth if not fitting.any() else (1 - share) * worth + share * fitting / fitting.sum()


class _Adds:
    """What the looks of a chosen unit add to the cover: its gain with some of them, over the units chosen before it."""

    def __init__(self, places: Places, similar: npt.NDArray[np.float32], worth: Floats, chosen: Chosen) -> None:
        self._places, self._worth = places, worth / worth.sum()
        self._covered: dict[int, npt.NDArray[np.float32]] = {}
        covered = np.zeros(len(similar), np.float32)
        for pick in chosen.picks:
            self._covered[pick.unit] = covered
            covered = np.maximum(covered, similar[:, pick.unit])

    def evidence(self, times: ClipTimes, unit: Unit, number: int) -> tuple[Evidence, ...]:
        begin, covered = int(self._places.begins[number]), self._covered[number]

        def score(groups: Sequence[Sequence[int]]) -> Floats:
            nearest = [self._places.similar[:, self._places.of_looks[begin + np.array(each)]] for each in groups]
            rows = [np.maximum(each.max(axis=1) - covered, 0).astype(np.float64) @ self._worth for each in nearest]
            return np.array(rows)

        groups = looks_of(unit)
        looks = ClipTimes(
            start_s=np.array([times.start_s[group[0]] for group in groups]),
            end_s=np.array([times.end_s[group[-1]] for group in groups]),
            padded_frames=0,
        )
        return evidence(looks, range(len(groups)), score, without_any=0.0)


def _by_text(times: ClipTimes, unit: Unit, fits: Fits) -> tuple[Evidence, ...]:
    # A clip alone is held against even odds, or the span that fits worst.
    return evidence(times, range(unit.first, unit.stop), fits.of, without_any=0.5 if fits.calibrated else 0.0)


class _Kind(NamedTuple):
    """Of a chosen unit: seconds that look like it, and those of them that no other chosen unit is more like."""

    alike_s: float
    stands_for_s: float


def _kinds(kept: npt.NDArray[np.float32], alike: float, seconds: Floats) -> list[_Kind]:
    """Of each unit that was chosen, by the similarity `(places, units)` of all places to it."""
    like = kept >= alike
    theirs = like.any(axis=1)
    stands_for_s = np.bincount(kept.argmax(axis=1)[theirs], seconds[theirs], minlength=kept.shape[1])
    return [_Kind(*pair) for pair in zip((seconds @ like).tolist(), stands_for_s.tolist(), strict=True)]


def _span(unit: Unit, gain: float, kind: _Kind, fits: float | None, duration_s: float) -> SummarySpan:
    why: Why = "stands_for"
    reason = f"stands for {kind.stands_for_s:.1f} s of {duration_s:.1f} s"
    if fits is not None and fits >= _FITS:
        why, reason = "text", f"fits the text ({fits:.2f})"
    elif kind.alike_s <= _RARE_SHARE * duration_s:
        why, reason = "rare", f"rare: {kind.alike_s:.1f} s of {duration_s:.1f} s look like it"
    if unit.shot is not None:
        reason += f"; a part of a shot of {unit.shot[1] - unit.shot[0]:.1f} s"
    return SummarySpan(
        start_s=unit.start_s,
        end_s=unit.end_s,
        reason=reason,
        score=gain,
        why=why,
        alike_s=kind.alike_s,
        stands_for_s=kind.stands_for_s,
        fits=fits,
        part_of=unit.shot,
    )
