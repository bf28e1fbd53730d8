"""Frames and the places that packets bring, where only the order of decoding is stored."""

from __future__ import annotations

import pytest

from videobert.video.decoders.pyav.decode_order import MOST_HELD, DecodeOrder


def places(packets, shown):
    """(frame, ticks, lost) of each frame; `packets` are read first, `shown` are the packets that gave a frame."""
    order = DecodeOrder()
    for ticks in packets:
        order.read(ticks, 1)
    placed = [each for ticks in shown for each in order.show(ticks, ticks)] + list(order.finish())
    return [(each.frame, each.ticks, each.lost) for each in placed]


def test_frames_get_the_places_of_packets_in_order():
    assert places(range(5), [0, 2, 3, 1, 4]) == [(0, 0, 0), (2, 1, 0), (3, 2, 0), (1, 3, 0), (4, 4, 0)]


def test_a_packet_that_gives_no_frame_takes_its_place_with_it():
    shown = [0, 2, 1, 8, 7, 9]
    got = places(range(10), shown)
    assert [(frame, ticks) for frame, ticks, _ in got] == [(0, 0), (2, 1), (1, 2), (8, 7), (7, 8), (9, 9)]
    assert [lost for *_, lost in got] == [0, 0, 0, 4, 0, 0]


def test_the_first_packets_may_give_none():
    assert places(range(6), [3, 5, 4]) == [(3, 3, 3), (5, 4, 0), (4, 5, 0)]


def test_frames_without_a_place_keep_their_turn():
    """Without a time, of a packet that nobody noted, and the second frame of a packet."""
    assert places([5, 6, 7], [5, None, 2, 6, 6, 7]) == [
        (5, 5, 0),
        (None, None, 0),
        (2, 2, 0),
        (6, 6, 0),
        (6, 6, 0),
        (7, 7, 0),
    ]


def test_a_picture_made_up_for_a_missing_one_gets_its_place():
    """MPEG-4 without its first key frame: the packet behind it gives two frames, and the first is no picture of its."""
    assert [ticks for _, ticks, _ in places(range(4), [1, 2, 3, 1])] == [0, 1, 2, 3]


def test_where_all_packets_give_frames_none_waits():
    order = DecodeOrder()
    for ticks in range(10):
        order.read(ticks, 1)
        assert [each.ticks for each in order.show(ticks, "frame")] == [ticks]


@pytest.mark.parametrize("missing", [1, 500])
def test_no_more_frames_are_held_back_than_decoders_hold(missing):
    order = DecodeOrder()
    for ticks in range(missing):
        order.read(ticks, 1)
    given = 0
    for shown in range(100):
        order.read(missing + shown, 1)
        given += len(list(order.show(missing + shown, "frame")))
        assert shown + 1 - given <= MOST_HELD
    assert given == 100
