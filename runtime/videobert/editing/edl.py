"""CMX 3600 edit decision lists: https://xmil.biz/EDL-X/CMX3600.pdf.

Every event is a cut. A list holds 999 events, names frames by time code and knows neither paths nor rates: the rate
stands in a comment, and a film is named by its file's name alone, of which nothing is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from videobert.base.errors import InputError, UsageError
from videobert.base.printable import printable
from videobert.base.rational import rational
from videobert.editing.timecode import TimeCodes
from videobert.editing.timed_cuts import Cut

MOST_EVENTS = 999
_LONGEST_NAME = 120
# What a list without sources on tape calls its reel.
_REEL = "AX"
# Cutting rooms let a programme begin in its second hour, so that something can be laid before it.
_RECORD_STARTS = "01:00:00:00"
_RATE = "* FRAME RATE: "
_CLIP = "* FROM CLIP NAME: "
_EVENT = re.compile(r"(\d{3,6})\s+(\S+)\s+(\S+)\s+(\S+)\s+(?:\d+\s+)?(\S{11})\s+(\S{11})\s+(\S{11})\s+(\S{11})\s*")
_MODES = {"FCM: NON-DROP FRAME": False, "FCM: DROP FRAME": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class EdlEvent:
    """One cut of a list, in frames from 00:00:00:00.

    Args:
        source_in, source_out: of the film that is cut; the last is not in it any more.
        record_in, record_out: of the new film.
        reel, clip: what the source is called; None without a clip's name.
    """

    source_in: int
    source_out: int
    record_in: int
    record_out: int
    reel: str
    clip: str | None


def edl_of(cuts: Sequence[Cut], *, codes: TimeCodes, name: str, sound: bool, variable: bool) -> str:
    """The list of some cuts.

    Args:
        name: of the film's file.
        sound: whether the film has any.
        variable: its frames come irregularly, which the list then says.

    Raises:
        UsageError: there are more cuts than a list holds.
    """
    if len(cuts) > MOST_EVENTS:
        raise UsageError(
            "a CMX 3600 list does not hold so many cuts",
            seen=len(cuts),
            allowed=MOST_EVENTS,
            fix="Write .otio or .json instead.",
        )
    clip = _one_line(PurePath(name).name)
    lines = [f"TITLE: {_one_line(PurePath(name).stem)}", f"FCM: {'' if codes.drop_frame else 'NON-'}DROP FRAME", ""]
    lines.append(f"{_RATE}{codes.rate}")
    if variable:
        lines.append(f"* VARIABLE FRAME RATE: TIME CODES ARE ROUNDED TO {codes.rate} FRAMES A SECOND")
    record = codes.frame(_RECORD_STARTS)
    tracks = "AA/V" if sound else "V"
    for number, cut in enumerate(cuts, 1):
        times = (cut.first, cut.first + cut.frames, record, record + cut.frames)
        lines.append(f"{number:03}  {_REEL:<8} {tracks:<5} C        {' '.join(map(codes.name, times))}")
        lines.append(f"{_CLIP}{clip}")
        record += cut.frames
    return "\n".join([*lines, ""])


def read_edl(text: str, rate: Fraction | None = None) -> tuple[TimeCodes, list[EdlEvent]]:
    """The cuts of a list; lines of other kinds are passed over.

    Args:
        rate: frames a second, where no comment of the list tells.

    Raises:
        InputError: no rate is known, an event is no cut, its time codes are none or its lengths differ, or there are
            none or too many.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    codes = TimeCodes(_rate(lines, rate), next((_MODES[line] for line in lines if line in _MODES), False))
    events = list(_events(lines, codes))
    if not events or len(events) > MOST_EVENTS:
        raise InputError(
            "this edit list has no cuts" if not events else "this edit list has too many cuts",
            allowed=f"1 to {MOST_EVENTS}",
            fix="Check that it is a CMX 3600 list.",
        )
    return codes, events


def _events(lines: Sequence[str], codes: TimeCodes) -> Iterator[EdlEvent]:
    for number, line in enumerate(lines):
        found = _EVENT.fullmatch(line)
        if found is None:
            continue
        if found[4] != "C":
            raise InputError(
                "an event of the edit list is no cut", seen=line[:80], allowed="C", fix="Leave dissolves and wipes out."
            )
        source_in, source_out, record_in, record_out = (codes.frame(found[n]) for n in range(5, 9))
        # A day's last name is followed by its first.
        lengths = {(out - into) % codes.a_day for into, out in ((source_in, source_out), (record_in, record_out))}
        if len(lengths) != 1 or 0 in lengths:
            raise InputError(
                "an event of the edit list is empty, or plays faster or slower than its source",
                seen=line[:80],
                allowed="the same length in source and record",
                fix="Leave it out.",
            )
        following = lines[number + 1] if number + 1 < len(lines) else ""
        yield EdlEvent(
            source_in=source_in,
            source_out=source_in + lengths.pop(),
            record_in=record_in,
            record_out=record_out,
            reel=found[2],
            clip=following.removeprefix(_CLIP) if following.startswith(_CLIP) else None,
        )


def _rate(lines: Sequence[str], rate: Fraction | None) -> Fraction:
    stated = next((line.removeprefix(_RATE) for line in lines if line.startswith(_RATE)), None)
    try:
        return rational(stated) if stated is not None else rate or _no_rate()
    except (ValueError, ZeroDivisionError) as error:
        raise InputError("the edit list's frame rate is none", seen=stated, fix="Correct that line.") from error


def _no_rate() -> Fraction:
    raise InputError("the edit list does not say its frame rate", fix=f"Add a line such as `{_RATE}25`.")


def _one_line(name: str) -> str:
    """A name that stays on its line, whatever is in it."""
    return printable(name)[:_LONGEST_NAME]
