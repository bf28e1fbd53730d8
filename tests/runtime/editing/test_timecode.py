"""Time codes against counting every frame of a day, and against OpenTimelineIO's."""

from __future__ import annotations

from fractions import Fraction

import pytest

from videobert.base.errors import InputError
from videobert.editing.timecode import TimeCodes, can_name, nominal_rate

NTSC, FILM, DOUBLE = Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001)


def counted(per_second: int, minutes: int, dropped: int) -> list[str]:
    """The names of all frames of some minutes, by counting and leaving out."""
    mark = ";" if dropped else ":"
    return [
        f"{minute // 60:02}:{minute % 60:02}:{second:02}{mark}{frame:02}"
        for minute in range(minutes)
        for second in range(60)
        for frame in range(per_second)
        if not (second == 0 and frame < dropped and minute % 10)
    ]


@pytest.mark.parametrize(
    ("rate", "drop", "per_second", "dropped"),
    [
        (NTSC, True, 30, 2),
        (DOUBLE, True, 60, 4),
        (NTSC, False, 30, 0),
        (FILM, False, 24, 0),
        (Fraction(25), False, 25, 0),
    ],
)
def test_every_frame_of_some_minutes(rate: Fraction, drop: bool, per_second: int, dropped: int) -> None:
    codes = TimeCodes(rate, drop)
    names = counted(per_second, 12, dropped)
    assert [codes.name(frame) for frame in range(len(names))] == names
    assert [codes.frame(name) for name in names] == list(range(len(names)))


def test_drop_frame_keeps_step_with_the_clock() -> None:
    codes = TimeCodes(NTSC, True)
    frames = codes.frame("23:59:59;29")
    assert abs(float(frames / NTSC) - (24 * 3600 - 1 / 30)) < 0.1
    assert codes.name(frames + 1) == "00:00:00;00"
    # Without, an hour of names is 3.6 s more than an hour.
    assert float(TimeCodes(NTSC).frame("01:00:00:00") / NTSC) == pytest.approx(3603.6)


def test_as_opentimelineio_names_them() -> None:
    time = pytest.importorskip("opentimelineio").opentime
    for rate, drop in ((NTSC, True), (DOUBLE, True), (FILM, False), (Fraction(25), False)):
        codes = TimeCodes(rate, drop)
        for frame in (*range(0, 40_000, 37), 107_891, 107_892, 1_000_000):
            assert codes.name(frame) == time.to_timecode(time.RationalTime(frame, float(rate)), float(rate), drop)


@pytest.mark.parametrize(
    "name", ["", "1:00:00:00", "00:60:00:00", "00:00:60:00", "24:00:00:00", "00:00:00:30", "00:01:00;00", "00:01:00;01"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InputError, match="no time code"):
        TimeCodes(NTSC, True).frame(name)


def test_rates_that_have_no_names() -> None:
    for rate, drop in ((Fraction(25, 2), False), (Fraction(120), False), (Fraction(25), True), (Fraction(0), False)):
        with pytest.raises(InputError, match="no time codes"):
            TimeCodes(rate, drop)
    assert [can_name(rate) for rate in (FILM, NTSC, Fraction(50), Fraction(2997, 100))] == [True, True, True, False]


def test_the_rate_that_others_are_named_at() -> None:
    assert nominal_rate(Fraction(25, 2)) == FILM
    assert nominal_rate(Fraction(2997, 100)) == NTSC
    assert nominal_rate(Fraction(240)) == 60
