"""Captions as subtitles: SubRip, and WebVTT (https://www.w3.org/TR/webvtt1/)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videobert.results.caption import Captions

# Beyond 99 hours both formats simply have more digits.
_MINUTE_MS, _HOUR_MS = 60_000, 3_600_000


def srt(captions: Captions) -> str:
    """The content of a `.srt` file: numbered from 1, times with a comma, `00:00:01,500 --> 00:00:03,000`.

    Times are of the player, which has none before 0; a caption that ends there is left out. One that lasts less than a
    millisecond lasts one.
    """
    cues = [
        f"{number}\n{_time(start, ',')} --> {_time(end, ',')}\n{text}\n"
        for number, (start, end, text) in enumerate(_cues(captions), 1)
    ]
    return "\n".join(cues)


def vtt(captions: Captions) -> str:
    """The content of a `.vtt` file; which method made the sentences stands in a note. See `srt` for times."""
    note = f"WEBVTT\n\nNOTE made by videobert, model {_line(captions.origin.model)}, method {captions.method}\n"
    cues = [f"{_time(start, '.')} --> {_time(end, '.')}\n{_escaped(text)}\n" for start, end, text in _cues(captions)]
    return "\n".join([note, *cues])


def _cues(captions: Captions) -> Iterator[tuple[int, int, str]]:
    for each in captions.segments:
        start, end = max(0, round(each.start_s * 1000)), round(each.end_s * 1000)
        if end > 0:
            yield start, max(end, start + 1), _line(each.text)


def _time(milliseconds: int, point: str) -> str:
    hours, rest = divmod(milliseconds, _HOUR_MS)
    minutes, rest = divmod(rest, _MINUTE_MS)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _line(text: str) -> str:
    """On one line, since an empty one would end a cue; and no arrow, which would begin the times of one."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).replace("-->", "→").strip()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
