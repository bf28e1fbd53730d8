"""What an edit list says of the film that is cut: its frames, their rate and their time codes."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np

from videobert.base.errors import InputError
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import FrameTable
from videobert.editing.timecode import STANDARD_RATES, TimeCodes, can_name, drops, nominal_rate
from videobert.results.edit import EditedFilm

_DROP_FRAME = re.compile(r"\d{2}:\d{2}:\d{2}[;.]\d{2}")


def edited_film(source: FilmSource, table: FrameTable) -> EditedFilm:
    """Told by the film's table of frames and its header; raises as `open_path`."""
    with source.opened() as opened:
        sounds = len(opened.container.streams.audio)
        stream = source.track_of(opened).stream
        stated = stream.metadata.get("timecode") or opened.container.metadata.get("timecode") or ""
    rate = _regular(table)
    named = rate or nominal_rate(table.rate)
    drop_frame = bool(_DROP_FRAME.fullmatch(stated)) if stated else drops(named)
    try:
        codes = TimeCodes(named, drop_frame)
        first = codes.frame(stated) if stated else 0
    except InputError:  # the header's own name fits no such rate: names begin at nought
        drop_frame, first = drops(named), 0
    return EditedFilm(
        name=source.name,
        start_s=float(table.time(0)),
        end_s=float(table.time(len(table))),
        frames=len(table),
        rate=named,
        variable_rate=rate is None,
        drop_frame=drop_frame,
        first_timecode=first,
        audio_tracks=sounds,
    )


def _regular(table: FrameTable) -> Fraction | None:
    """The rate at which frames come, if regularly and at one that has names; within the rounding of a tick."""
    ticks = np.frombuffer(table.ticks, np.int64)
    seconds = (ticks - ticks[0]) * float(table.time_base)
    numbers = np.arange(len(ticks))
    for rate in (table.rate, *STANDARD_RATES):
        near = np.abs(seconds - numbers / float(rate)) <= float(table.time_base) * 1.01
        if can_name(rate) and near.all():
            return rate
    return None
