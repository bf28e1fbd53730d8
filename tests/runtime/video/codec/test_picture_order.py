"""The order of presentation, read from the packets alone, is that of the times that an encoder's packets have."""

from __future__ import annotations

from itertools import pairwise

import av
import pytest

from videobert.video.codec.coded_pictures import PictureReader

X264 = "scenecut=0:keyint=24"
KINDS = {
    "pyramid.mp4": {"options": {"bf": "3", "b-pyramid": "normal", "x264-params": X264}},
    "pyramid.ts": {"options": {"bf": "3", "b-pyramid": "normal", "x264-params": X264}},
    "long.mkv": {"options": {"bf": "3", "x264-params": "scenecut=0:keyint=500"}},
    "no-b-frames.mp4": {"options": {"bf": "0", "x264-params": X264}},
    "adaptive.mp4": {"options": {"bf": "2", "x264-params": f"{X264}:interlaced=1"}},
    "planes.mkv": {"pixel_format": "yuv444p", "options": {"bf": "2", "x264-params": X264}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=24:log-level=none:open-gop=0"}},
    "hevc.ts": {"codec": "libx265", "options": {"x265-params": "keyint=24:log-level=none"}},
    "layers.mkv": {"codec": "libx265", "options": {"x265-params": "keyint=24:log-level=none:temporal-layers=1"}},
    "one-key-frame.mkv": {"codec": "libx265", "options": {"x265-params": "keyint=500:log-level=none"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "24", "deadline": "realtime", "cpu-used": "8"}},
}


def read(path, without=()):
    """(time, what the packet says) of each picture, without some of the packets."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        reader = PictureReader(context.codec.canonical_name, context.extradata)
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [
            (packet.pts, reader.read(bytes(packet), packet.is_keyframe))
            for number, packet in enumerate(packets)
            if number not in without
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_places_rise_with_the_times_from_one_landing_to_the_next(factory, tmp_path, kind):
    path = factory.write_clip(tmp_path / kind, ticks=range(90), **KINDS[kind])
    sections = []
    for time, picture in read(path):
        assert picture is not None
        if picture.lands or not sections:
            sections.append([])
        sections[-1].append((time, picture))
    assert len(sections) > 2 or kind in ("long.mkv", "one-key-frame.mkv")
    for section in sections:
        for leading in (True, False):
            places = [picture.place for _, picture in sorted(section, key=lambda p: p[0]) if picture.leading == leading]
            assert all(a < b for a, b in pairwise(places))


def test_a_missing_picture_that_others_refer_to_is_noticed_in_h264(factory, tmp_path):
    path = factory.write_clip(tmp_path / "film.mp4", ticks=range(60), options={"bf": "3", "x264-params": X264})
    pictures = [picture for _, picture in read(path)]
    for number in range(1, 20):
        later = [picture for _, picture in read(path, without={number})][number:]
        # Up to the next landing, which needs nothing before it.
        upto = next(n for n, picture in enumerate(later) if picture is not None and picture.lands)
        assert (None in later[:upto]) == pictures[number].referred
        assert None not in later[upto:]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_what_cannot_be_read_tells_nothing(codec):
    h264, hevc = b"\0\0\1\x65", b"\0\0\1\x26\1"
    for data in (b"", b"\0\0\1", h264, hevc, h264 + b"\0" * 60, hevc + b"\xff" * 9):
        assert PictureReader(codec, None).read(data, True) is None
