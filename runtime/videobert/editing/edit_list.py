"""Edit lists as files: CMX 3600 (`.edl`), OpenTimelineIO (`.otio`) and our own (`.json`), told by the name's ending."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from videobert.base.arguments import instance, local_path
from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError, LimitExceeded, UsageError
from videobert.base.limits import Limits, limits_or_default
from videobert.editing.edited_film import edited_film
from videobert.editing.edl import edl_of, read_edl
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import read_frame_table
from videobert.editing.json_list import json_of, read_json
from videobert.editing.opentimelineio_file import otio_of, read_otio
from videobert.editing.timed_cuts import Cut, codes_of, seconds_of_cuts, timed_cuts
from videobert.results.edit import EditPlan

if TYPE_CHECKING:
    from videobert.video.open import VideoSource

SUFFIXES = (".edl", ".otio", ".json")
_MOST_BYTES = 64 << 20


def write_edit_list(plan: EditPlan, path: str | os.PathLike[str]) -> None:
    """Write a plan as an edit list, which appears whole or not at all.

    Args:
        path: `.edl` is a CMX 3600 list, `.otio` an OpenTimelineIO timeline (needs `videobert[edit]`), `.json` our own.
            The first two name frames by time code: of a film whose frames come irregularly, times are rounded.

    Raises:
        UsageError: the path has another ending, or the plan more cuts than the form holds.
        EngineUnavailable: OpenTimelineIO is not installed.
    """
    instance("plan", plan, EditPlan, example="model.edit(video, keep=[(3, 7.5)])")
    target = local_path("path", path)
    text = text_of(plan, suffix_of(target))
    write_atomically(target, lambda place: place.write_text(text, encoding="utf-8"))


def read_edit_list(
    path: str | os.PathLike[str], video: VideoSource, *, track: int | None = None, limits: Limits | None = None
) -> list[tuple[float, float]]:
    """The spans of an edit list, in seconds of a film and in the list's order, for `write_film`.

    Args:
        path: `.edl`, `.otio` or `.json`. Which film it names is not looked at, and nothing that it names is opened.
        video: the film, by whose frames and first time code the list is read.

    Raises:
        UsageError: the path has another ending.
        InputError: there is no such file, it is no such list, or it was made at another frame rate than the film's.
        LimitExceeded: it is too large.
    """
    place = local_path("path", path)
    suffix = suffix_of(place)
    text = _read(place)
    if suffix == ".json":
        return read_json(text)
    source = FilmSource(video, track, limits_or_default(limits))
    film = edited_film(source, read_frame_table(source))
    if suffix == ".edl":
        codes, events = read_edl(text, film.rate)
        rate, cuts = codes.rate, [Cut(each.source_in, each.source_out - each.source_in) for each in events]
    else:
        rate, cuts = read_otio(text)
    if rate != film.rate:
        raise InputError(
            "the edit list was made at another frame rate than the film's",
            seen=str(rate),
            allowed=str(film.rate),
            fix="Name the film that the list belongs to.",
        )
    return seconds_of_cuts(film, cuts)


def text_of(plan: EditPlan, suffix: str) -> str:
    """A plan in the form that a suffix stands for; raises as `write_edit_list`."""
    if suffix == ".json":
        return json_of(plan)
    film, codes = plan.film, codes_of(plan.film)
    cuts = timed_cuts(film, plan.spans)
    sound = film.audio_tracks > 0
    if suffix == ".edl":
        return edl_of(cuts, codes=codes, name=film.name, sound=sound, variable=film.variable_rate)
    frames = max(film.frames, *(cut.first + cut.frames - film.first_timecode for cut in cuts))
    return otio_of(cuts, rate=film.rate, name=film.name, first=film.first_timecode, frames=frames, sound=sound)


def suffix_of(path: Path) -> str:
    """Which form a file's name asks for; UsageError if none."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(
            "this kind of edit list is not known",
            seen=path.suffix or path.name,
            allowed=", ".join(SUFFIXES),
            fix="Give the file one of these endings.",
        )
    return suffix


def _read(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        seen = f"{path} ({getattr(error, 'strerror', None) or error})"
        raise InputError("the edit list cannot be read", seen=seen, fix="Check the path.") from error
    if len(data) > _MOST_BYTES:
        raise LimitExceeded("the edit list is too large", allowed=f"{_MOST_BYTES} bytes", fix="Check the path.")
    return data.decode("utf-8", "replace")
