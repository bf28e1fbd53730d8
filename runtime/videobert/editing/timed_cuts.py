"""The cuts of a plan in the frames that its time codes name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from videobert.editing.timecode import TimeCodes
from videobert.results.edit import EditedFilm, EditSpan


@dataclass(frozen=True, slots=True)
class Cut:
    """Frames of the film, counted from 00:00:00:00.

    Args:
        why: what asked for them.
    """

    first: int
    frames: int
    why: str = ""


def codes_of(film: EditedFilm) -> TimeCodes:
    """How the frames of a film are named."""
    return TimeCodes(film.rate, film.drop_frame)


def timed_cuts(film: EditedFilm, spans: Iterable[EditSpan]) -> list[Cut]:
    """The cuts of a film. Where its frames come irregularly, times are rounded, and no cut becomes empty."""
    found = []
    for span in spans:
        if not film.variable_rate:
            found.append(Cut(film.first_timecode + span.first_frame, span.frames, span.why))
            continue
        first, end = (round((time - film.start_s) * film.rate) for time in (span.start_s, span.end_s))
        found.append(Cut(film.first_timecode + first, max(end - first, 1), span.why))
    return found


def seconds_of_cuts(film: EditedFilm, cuts: Iterable[Cut]) -> list[tuple[float, float]]:
    """When cuts begin and end in the film, in seconds."""
    found = []
    for cut in cuts:
        first = (cut.first - film.first_timecode) / film.rate
        found.append((film.start_s + float(first), film.start_s + float(first + cut.frames / film.rate)))
    return found
