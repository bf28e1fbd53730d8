"""OpenTimelineIO files, by its own library: one track of pictures, and one of sound where the film has any.

Media is named by its file's name alone, so that an editor looks for it beside the list; nothing of a list is opened.
Only the library's core reads and writes here: no adapter, plug-in or media linker of this machine is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from videobert.base.errors import EngineUnavailable, InputError
from videobert.editing.spans import MOST_SPANS
from videobert.editing.timed_cuts import Cut

_DEEPEST = 100
_OWN = "videobert"


def otio_of(cuts: Sequence[Cut], *, rate: Fraction, name: str, first: int, frames: int, sound: bool) -> str:
    """The file's text.

    Args:
        name: of the film's file.
        first, frames: what its first frame is called, and how many it has, at `rate`.
        sound: whether it has any.

    Raises:
        EngineUnavailable: the library is not here.
    """
    otio = _library()
    file_name = PurePath(name).name
    timeline = otio.schema.Timeline(name=PurePath(name).stem)
    timeline.global_start_time = otio.opentime.RationalTime(0, float(rate))
    timeline.metadata[_OWN] = {"rate": str(rate)}
    for kind in ("Video", "Audio") if sound else ("Video",):
        track = otio.schema.Track(name=kind, kind=kind)
        for cut in cuts:
            media = otio.schema.ExternalReference(
                target_url=quote(file_name), available_range=_range(otio, first, frames, rate)
            )
            media.name = file_name
            clip = otio.schema.Clip(
                name=file_name, media_reference=media, source_range=_range(otio, cut.first, cut.frames, rate)
            )
            clip.metadata[_OWN] = {"why": cut.why}
            track.append(clip)
        timeline.tracks.append(track)
    return str(timeline.to_json_string())


def read_otio(text: str) -> tuple[Fraction, list[Cut]]:
    """Frames a second, and the cuts of the first track of pictures.

    Raises:
        InputError: it is no such file, holds something else than clips, or too much.
        EngineUnavailable: the library is not here.
    """
    otio = _library()
    _check_depth(text)
    try:
        timeline = otio.core.deserialize_json_from_string(text)
    except Exception as error:  # the library's own kinds, and those of the JSON within
        raise _no_list(str(error)[:120]) from error
    if not isinstance(timeline, otio.schema.Timeline):
        raise _no_list(type(timeline).__name__)
    tracks = timeline.video_tracks()
    if not tracks:
        raise _no_list("no track of pictures")
    if len(tracks[0]) > MOST_SPANS:
        raise _no_list(f"{len(tracks[0])} clips")
    cuts: list[Cut] = []
    rates = set()
    for clip in tracks[0]:
        if not isinstance(clip, otio.schema.Clip):
            raise _no_list(type(clip).__name__)
        of = clip.source_range
        if of is None or clip.effects:
            raise _no_list("a clip without a range of its source" if of is None else "a clip with effects")
        values = (of.start_time.value, of.duration.value)
        # Comparisons with NaN are never true.
        if not all(abs(value) < 1e9 and value == int(value) for value in values) or values[1] <= 0:
            raise _no_list(f"a range of {values[1]} frames from {values[0]}")
        rates |= {of.start_time.rate, of.duration.rate}
        why = clip.metadata.get(_OWN, {})
        cuts.append(Cut(int(values[0]), int(values[1]), str(why.get("why", "")) if hasattr(why, "get") else ""))
    if len(rates) != 1:
        raise _no_list("no clips" if not cuts else "clips of several frame rates")
    return _exact(rates.pop()), cuts


def _exact(rate: float) -> Fraction:
    """The rate that a decimal stands for: a whole number, or 1000/1001 of one."""
    for whole in (Fraction(round(rate)), Fraction(round(rate) * 1000, 1001)):
        if whole > 0 and abs(float(whole) - rate) < 1e-3:
            return whole
    raise _no_list(f"a frame rate of {rate}")


def _range(otio: Any, first: int, frames: int, rate: Fraction) -> Any:
    time = otio.opentime.RationalTime
    return otio.opentime.TimeRange(time(first, float(rate)), time(frames, float(rate)))


def _check_depth(text: str) -> None:
    """The library's reader goes down as deep as a text is nested; Python's refuses in time."""
    try:
        deepest = _depth(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise _no_list("a text that is not JSON") from error
    if deepest > _DEEPEST:
        raise _no_list(f"nested {deepest} deep")


def _depth(value: Any) -> int:
    level, deepest = [value], 0
    while level:
        deepest += 1
        level = [item for part in level for item in _items(part)]
    return deepest


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else ()


def _no_list(seen: str) -> InputError:
    return InputError(
        "this is no OpenTimelineIO list of cuts",
        seen=seen,
        allowed="a timeline whose first track of pictures has clips alone, at one frame rate",
        fix="Export the timeline anew, without effects, gaps and transitions.",
    )


def _library() -> Any:
    try:
        import opentimelineio
    except ImportError as error:
        raise EngineUnavailable(
            "OpenTimelineIO is not installed",
            seen=str(error),
            fix='Install it: pip install "videobert[edit]"; or write .edl or .json, which need nothing.',
        ) from error
    return opentimelineio
