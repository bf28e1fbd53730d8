"""OpenTimelineIO files, read back by the library itself, and files of others that are refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from videobert.base.errors import EngineUnavailable, InputError
from videobert.editing.opentimelineio_file import otio_of, read_otio
from videobert.editing.timed_cuts import Cut

RATE = Fraction(24000, 1001)
CUTS = [Cut(86_400, 24, "someone pours"), Cut(86_500, 1, "by hand")]


def written(name: str = "a film.mov") -> str:
    return otio_of(CUTS, rate=RATE, name=name, first=86_400, frames=1000, sound=True)


def test_the_library_reads_it() -> None:
    otio = pytest.importorskip("opentimelineio")
    timeline = otio.core.deserialize_json_from_string(written())
    assert timeline.duration() == otio.opentime.RationalTime(25, float(RATE))
    for tracks in (timeline.video_tracks(), timeline.audio_tracks()):
        (track,) = tracks
        assert [(c.source_range.start_time.value, c.source_range.duration.value) for c in track] == [
            (86_400, 24),
            (86_500, 1),
        ]
        assert {clip.source_range.start_time.rate for clip in track} == {float(RATE)}
        assert {clip.media_reference.target_url for clip in track} == {"a%20film.mov"}
        assert {clip.available_range().duration.value for clip in track} == {1000}


def test_so_do_we() -> None:
    pytest.importorskip("opentimelineio")
    assert read_otio(written()) == (RATE, CUTS)


def change(path: list[Any], value: Any) -> Callable[[Any], None]:
    def done(found: Any) -> None:
        for key in path[:-1]:
            found = found[key]
        found[path[-1]] = value

    return done


CLIPS = ["tracks", "children", 0, "children"]


@pytest.mark.parametrize(
    "damage",
    [
        change(["OTIO_SCHEMA"], "Clip.2"),
        change(["OTIO_SCHEMA"], "Nothing.1"),
        change(["tracks", "children"], []),
        change(CLIPS, []),
        change([*CLIPS, 0, "source_range"], None),
        change([*CLIPS, 0, "source_range", "duration", "value"], -3),
        change([*CLIPS, 0, "source_range", "duration", "value"], 1e300),
        change([*CLIPS, 0, "source_range", "duration", "value"], 1.5),
        change([*CLIPS, 0, "source_range", "start_time", "rate"], 25.0),
        change([*CLIPS, 0, "OTIO_SCHEMA"], "Gap.1"),
    ],
)
def test_what_is_no_list_of_cuts(damage: Callable[[Any], None]) -> None:
    pytest.importorskip("opentimelineio")
    found = json.loads(written())
    damage(found)
    with pytest.raises(InputError, match="no OpenTimelineIO list"):
        read_otio(json.dumps(found))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "7", "[" * 200 + "]" * 200, "[" * 1_000_000, "\0", '{"OTIO_SCHEMA": 5}']
)
def test_what_is_no_such_file(text: str) -> None:
    pytest.importorskip("opentimelineio")
    with pytest.raises(InputError, match="no OpenTimelineIO list"):
        read_otio(text)


def test_where_the_library_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    with pytest.raises(EngineUnavailable, match=r"videobert\[edit\]"):
        written()
