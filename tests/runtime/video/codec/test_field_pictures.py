"""Which packets of H.264 hold fields."""

from __future__ import annotations

from fractions import Fraction as F

import av
import numpy as np
import pytest

from videobert.video.codec.field_pictures import FieldPictures, Fields


@pytest.fixture(scope="module")
def pictures(factory):
    return [factory.picture(n, 64, 64) for n in range(6)]


def fields_in(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fields = FieldPictures(stream.codec_context.extradata)
        return [fields.look(packet, packet.is_keyframe) for packet in container.demux(stream) if packet.size]


def test_the_fields_of_each_frame(pictures, field_stream):
    fields = FieldPictures(None)
    packets = field_stream.field_stream(pictures, as_fields=[True, True, False, False, True, True])
    first, second = Fields.FIRST, Fields.SECOND
    looked = [fields.look(packet, number == 0) for number, packet in enumerate(packets)]
    assert looked == [first, second, first, second, None, None, first, second, first, second]


def test_both_fields_in_one_packet(pictures, field_stream):
    fields = FieldPictures(None)
    packets = field_stream.field_stream(pictures)
    assert {fields.look(a + b, True) for a, b in zip(packets[::2], packets[1::2], strict=True)} == {Fields.BOTH}


def test_a_field_whose_other_one_is_missing(pictures, field_stream):
    fields = FieldPictures(None)
    packets = field_stream.field_stream(pictures)
    del packets[3]
    looked = [fields.look(packet, number == 0) for number, packet in enumerate(packets)]
    assert looked == [Fields.FIRST, Fields.SECOND, Fields.FIRST, *[Fields.FIRST, Fields.SECOND] * 4]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "h264"])
@pytest.mark.parametrize("options", ["interlaced=1:tff=1", "bframes=2"], ids=["MBAFF", "progressive"])
def test_frames_of_an_encoder_hold_no_single_field(factory, tmp_path, suffix, options):
    path = factory.write_clip(tmp_path / f"a.{suffix}", options={"x264-params": options}, ticks=range(12))
    assert set(fields_in(path)) == {None}


def test_parameters_behind_lengths(pictures, field_stream, tmp_path):
    """In MP4 there are no start codes and the parameters are in the header."""
    raw, path = tmp_path / "a.h264", tmp_path / "a.mp4"
    packets = field_stream.field_stream(pictures)
    raw.write_bytes(b"".join(packets))
    with av.open(str(raw)) as one, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(one.streams.video[0])
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream, packet.time_base = copy, F(1, 50)
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, number == 0
            output.mux(packet)
    assert fields_in(path) == [Fields.FIRST, Fields.SECOND] * 6


def test_damaged_parameters_and_slices_are_no_fields(pictures, field_stream):
    rng = np.random.default_rng(5)
    packets = field_stream.field_stream(pictures[:2])
    for _ in range(200):
        fields = FieldPictures(rng.bytes(rng.integers(0, 60)))
        for packet in packets:
            data = bytearray(packet[: rng.integers(1, 120)])
            data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
            fields.look(data, True)
        assert fields.look(b"", True) is None
