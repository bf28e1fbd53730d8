"""What frames say of the display that a film was mastered on, and what encoders are told of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import pytest
from av.sidedata.sidedata import Type

from videobert.editing.mastering import Mastering


class Data(bytes):
    """Side data of a frame."""

    type: Type

    @property
    def buffer_size(self) -> int:
        return len(self)


@dataclass
class Frame:
    side_data: list[Data]


def data(kind: Type, content: bytes) -> Data:
    found = Data(content)
    found.type = kind
    return found


def display(*numbers: int, has: tuple[int, int] = (1, 1)) -> Data:
    return data(Type.MASTERING_DISPLAY_METADATA, struct.pack("=20i2i", *numbers, *has))


CHROMATICITIES = (34000, 16000, 13250, 34500, 7500, 3000, 15635, 16450)
PRIMARIES = tuple(number for value in CHROMATICITIES for number in (value, 50000))
LUMINANCE = (1, 10000, 1000, 1)
LIGHT = data(Type.CONTENT_LIGHT_LEVEL, struct.pack("=2I", 1000, 400))


def test_a_frame_that_says_all() -> None:
    found = Mastering.of(Frame([display(*PRIMARIES, *LUMINANCE), LIGHT]))
    assert found.primaries is not None
    assert found.primaries[0] == (Fraction(34000, 50000), Fraction(16000, 50000))
    assert (found.luminance, found.light, found.dynamic) == ((Fraction(1, 10000), 1000), (1000, 400), False)
    shown = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    assert found.options("libx265") == {"x265-params": f"master-display={shown}:max-cll=1000,400"}
    assert found.options("libx264") == {"x264-params": f"mastering-display={shown}:cll=1000,400"}
    assert found.options("libsvtav1")["svtav1-params"].startswith("mastering-display=G(0.26500,0.69000)B(0.15000,")
    assert found.options("libvpx-vp9") == {}
    assert found.lost_by("libx265") == ()
    assert found.lost_by("libvpx-vp9") == ("HDR mastering data of frames encoded anew",)


def test_parts_of_it() -> None:
    assert Mastering.of(Frame([LIGHT])).options("libx264") == {"x264-params": "cll=1000,400"}
    assert Mastering.of(Frame([])) == Mastering()
    assert Mastering().options("libx265") == {}
    assert Mastering().lost_by("libvpx-vp9") == ()


@pytest.mark.parametrize(
    "damaged",
    [
        display(*PRIMARIES, *LUMINANCE, has=(1, 0)),
        display(*PRIMARIES, *LUMINANCE, has=(0, 1)),
        display(34000, 0, *PRIMARIES[2:], *LUMINANCE),
        display(*PRIMARIES, 1, -10000, 1000, 1),
        display(-1, *PRIMARIES[1:], *LUMINANCE),
        data(Type.MASTERING_DISPLAY_METADATA, b"short"),
        data(Type.CONTENT_LIGHT_LEVEL, b"short"),
    ],
)
def test_what_is_no_number_is_not_said(damaged: Data) -> None:
    assert not Mastering.of(Frame([damaged]))


def test_data_that_changes_from_frame_to_frame_is_said_to_be_lost() -> None:
    found = Mastering.of(Frame([data(Type.DYNAMIC_HDR_PLUS, b"x"), LIGHT]))
    assert found.lost_by("libx265") == ("dynamic HDR data of frames encoded anew",)
