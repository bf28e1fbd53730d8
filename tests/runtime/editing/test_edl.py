"""CMX 3600 lists: what is written, and what is refused of others'."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from videobert.base.errors import InputError, UsageError
from videobert.editing.edl import edl_of, read_edl
from videobert.editing.timecode import TimeCodes
from videobert.editing.timed_cuts import Cut

DROPPING = TimeCodes(Fraction(30000, 1001), True)
LIST = """TITLE: film
FCM: DROP FRAME

* FRAME RATE: 30000/1001
001  AX       AA/V  C        00:00:59;28 00:01:00;04 01:00:00;00 01:00:00;04
* FROM CLIP NAME: film.mov
002  AX       AA/V  C        00:00:00;00 00:00:01;00 01:00:00;04 01:00:01;04
* FROM CLIP NAME: film.mov
"""


def test_as_it_should_be() -> None:
    cuts = [Cut(1798, 4), Cut(0, 30)]
    assert edl_of(cuts, codes=DROPPING, name="film.mov", sound=True, variable=False) == LIST


def test_what_was_written_is_read() -> None:
    cuts = [Cut(n * 100, 1 + n * 7 % 50) for n in range(999)]
    for codes in (DROPPING, TimeCodes(Fraction(24000, 1001)), TimeCodes(Fraction(25))):
        found, events = read_edl(edl_of(cuts, codes=codes, name="a.mp4", sound=False, variable=False))
        assert found == codes
        assert [(each.source_in, each.source_out - each.source_in) for each in events] == [
            (cut.first, cut.frames) for cut in cuts
        ]
        lengths = [each.record_out - each.record_in for each in events]
        assert lengths == [cut.frames for cut in cuts]
        assert all(a.record_out == b.record_in for a, b in pairwise(events))
        assert {each.clip for each in events} == {"a.mp4"}


def test_lists_of_others() -> None:
    """Other spacing, other lines, no rate of their own; with a speed of the events that are none."""
    text = (
        "TITLE: X\r\nFCM: NON-DROP FRAME\r\n\r\n"
        "000001  REEL_1  V  C  00:00:01:00 00:00:02:00 00:00:00:00 00:00:01:00\r\n"
        "* COMMENT\r\nM2 REEL 050.0 00:00:01:00\r\n"
    )
    codes, (event,) = read_edl(text, Fraction(25))
    assert codes == TimeCodes(Fraction(25))
    assert (event.source_in, event.source_out, event.reel, event.clip) == (25, 50, "REEL_1", None)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("  C  ", "  D  ", "no cut"),
        ("00:01:00;04 01", "00:01:00;00 01", "no time code"),
        ("00:01:00;04 01", "00:01:00;05 01", "faster or slower"),
        ("00:00:59;28 00:01:00;04 01:00:00;00 01:00:00;04", "00:00:01;00 00:00:01;00 00:00:01;00 00:00:01;00", "empty"),
        ("30000/1001", "0/0", "frame rate"),
        ("30000/1001", "1e99", "frame rate"),
        ("30000/1001", "12", "no time codes"),
        ("* FRAME RATE: 30000/1001", "", "does not say its frame rate"),
    ],
)
def test_bad_lists(old: str, new: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_edl(LIST.replace(old, new))


def test_none_and_too_many() -> None:
    with pytest.raises(InputError, match="no cuts"):
        read_edl("TITLE: X\n", Fraction(25))
    event = "001  AX  V  C  00:00:01:00 00:00:02:00 00:00:00:00 00:00:01:00\n"
    with pytest.raises(InputError, match="too many"):
        read_edl(event * 1000, Fraction(25))
    with pytest.raises(UsageError, match="so many"):
        edl_of([Cut(0, 1)] * 1000, codes=DROPPING, name="a", sound=False, variable=False)
