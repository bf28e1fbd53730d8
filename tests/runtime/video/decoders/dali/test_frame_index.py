"""The index of packets says the same as decoding every frame, or gives up and says why."""

from __future__ import annotations

import gc
import io
import threading
import weakref
from fractions import Fraction as F

import av
import numpy as np
import pytest

from videobert.base.errors import Cancelled
from videobert.video.codec.hidden_frames import shows_a_frame
from videobert.video.decoders.dali.frame_index import InexactIndex, index_frames
from videobert.video.decoders.dali.piece import cut_piece

B_FRAMES = {"bf": "3", "b-pyramid": "normal", "x264-params": "scenecut=0:keyint=10"}
KINDS = {
    "b-frames.mp4": {"options": B_FRAMES},
    "b-frames.mkv": {"options": B_FRAMES},
    "b-frames.ts": {"options": B_FRAMES},
    "b-frames.flv": {"options": B_FRAMES},
    "open-gop.mp4": {"options": {"bf": "3", "x264-params": "scenecut=0:keyint=10:open-gop=1"}},
    "open-gop-hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=10:scenecut=0:log-level=none"}},
    "av1.mp4": {"codec": "libsvtav1", "options": {"preset": "12", "g": "10"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "10"}},
    "vp9.mp4": {"codec": "libvpx-vp9"},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "15"}},
    "mjpeg.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "mjpeg.mp4": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "late.mkv": {"options": B_FRAMES, "ticks": range(75, 115), "muxer": {"avoid_negative_ts": "disabled"}},
    "variable.mp4": {
        "options": B_FRAMES,
        "time_base": F(1, 1000),
        "rate": F(25),
        "ticks": np.cumsum(np.random.default_rng(1).choice([10, 33, 40, 99, 700], 40)).tolist(),
    },
}


def decoded(factory, source):
    """(time, duration, number) of every frame that PyAV shows."""
    with av.open(source) as container:
        container.flags &= ~1  # no times that FFmpeg makes up
        return [
            (frame.pts * frame.time_base, frame.duration * frame.time_base, number(factory, frame))
            for frame in container.decode(video=0)
        ]


def number(factory, frame):
    rgb = frame.to_ndarray(format="rgb24")
    margin = (rgb.shape[1] - rgb.shape[0]) // 2
    return factory.number_of(rgb[:, margin : margin + rgb.shape[0]])


def indexed(path):
    with av.open(str(path)) as container:
        container.flags &= ~1
        return list(index_frames(container, container.streams.video[0]))


@pytest.mark.parametrize("kind", KINDS)
def test_index_and_pieces_agree_with_decoding(factory, made, kind):
    path = made(kind, **KINDS[kind])
    expected = decoded(factory, str(path))
    with av.open(str(path)) as container:
        container.flags &= ~1
        stream = container.streams.video[0]
        frames = list(index_frames(container, stream))
        assert [(f.time, f.duration or 0) for f in frames] == [(time, length) for time, length, _ in expected]
        for start in range(0, len(frames), 11):
            wanted = slice(start, start + 13, 3)
            piece = cut_piece(stream, [frame.reference for frame in frames[wanted]])
            shown = [n for _, _, n in decoded(factory, io.BytesIO(piece.file))]
            assert piece.frames == len(shown)
            assert [shown[n] for n in piece.numbers] == [n for _, _, n in expected[wanted]]


def test_key_frames_cut_sections(made):
    lengths = {"vp9.webm": [10, 10, 10, 10], "vp9.mp4": [40], "open-gop-hevc.mp4": [11, 11, 11, 10]}
    for kind, expected in lengths.items():
        sections = list(dict.fromkeys(frame.reference.section for frame in indexed(made(kind, **KINDS[kind]))))
        assert [len(section.coded) for section in sections] == expected


def test_an_edit_list_hides_frames_that_are_decoded_all_the_same(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", options={"x264-params": "keyint=20:scenecut=0:bframes=0"})
    factory.set_edit_list(path, 13 * 512, 27 * 40)
    frames = indexed(path)
    assert [frame.time for frame in frames] == [F(n, 25) for n in range(27)]
    assert len(frames[0].reference.section.coded) == 20


def test_a_negative_start(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0"})
    factory.shift_ivf(path, -20)
    assert [frame.time for frame in indexed(path)] == [F(n - 20, 25) for n in range(40)]


def test_an_outlier_where_frames_are_shown_as_they_are_decoded(factory, tmp_path):
    path = factory.write_clip(
        tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0", "deadline": "realtime"}
    )
    factory.set_ivf_time(path, 20, 23)
    with pytest.raises(InexactIndex, match="clock jumps back"):
        indexed(path)


def test_an_outlier_later_than_a_decoder_holds_frames_back(factory, tmp_path):
    plain = factory.write_clip(tmp_path / "a.mp4", options={"x264-params": "bframes=3:keyint=100:scenecut=0"})
    path = factory.restamp(plain, tmp_path / "b.mp4", {2: 12800 * 7200})
    with pytest.raises(InexactIndex, match="hold it back"):
        indexed(path)


def test_frames_that_are_stored_field_by_field(factory, field_stream, tmp_path):
    raw, path = tmp_path / "a.h264", tmp_path / "a.ts"
    raw.write_bytes(b"".join(field_stream.field_stream([factory.picture(n, 64, 64) for n in range(4)])))
    with av.open(str(raw)) as one, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(one.streams.video[0])
        for number, packet in enumerate(packet for packet in one.demux(video=0) if packet.size):
            packet.stream, packet.time_base, packet.pts, packet.dts = copy, F(1, 50), number, number
            output.mux(packet)
    with pytest.raises(InexactIndex, match="field by field"):
        indexed(path)


def test_cancelling_stops_the_reading_of_packets(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.mp4", ticks=range(4))
    cancel = threading.Event()
    cancel.set()
    with av.open(str(path)) as container, pytest.raises(Cancelled):
        next(index_frames(container, container.streams.video[0], cancel))


def test_sections_that_nobody_needs_are_freed(made):
    path = made("vp9.webm", **KINDS["vp9.webm"])
    with av.open(str(path)) as container:
        frames = index_frames(container, container.streams.video[0])
        first = next(frames)
        # Sections have slots and so no weak references; their first packet's list stands for them.
        alive = weakref.WeakSet([Token(first.reference.section)])
        del first
        for _ in range(25):
            next(frames)
        gc.collect()
        assert not alive


class Token:
    """Lives as long as the list of packets that it hides in."""

    def __init__(self, section):
        section.coded.append(self)


def test_decoding_times_only(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.avi", options=B_FRAMES)
    with pytest.raises(InexactIndex, match="decoding times"):
        indexed(path)


def test_a_clock_that_restarts(factory, tmp_path):
    one = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", ticks=range(50, 90))
    two = factory.write_clip(tmp_path / "b.ivf", codec="libvpx")
    (tmp_path / "c.ivf").write_bytes(one.read_bytes() + two.read_bytes()[32:])
    with pytest.raises(InexactIndex, match="clock jumps back"):
        indexed(tmp_path / "c.ivf")


def test_a_packet_that_the_container_marks_as_damaged(factory, tmp_path):
    """Recordings joined in a transport stream: its packet counters do not fit."""
    one = factory.write_clip(tmp_path / "a.ts", options={"bf": "0"}, ticks=range(50, 90))
    two = factory.write_clip(tmp_path / "b.ts", options={"bf": "0"})
    (tmp_path / "c.ts").write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(InexactIndex, match="damaged"):
        indexed(tmp_path / "c.ts")


def test_frames_with_the_same_time(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0"})
    data = bytearray(path.read_bytes())
    second = 32 + 12 + int.from_bytes(data[32:36], "little")
    third = second + 12 + int.from_bytes(data[second : second + 4], "little")
    data[third + 4 : third + 12] = data[second + 4 : second + 12]
    path.write_bytes(data)
    with pytest.raises(InexactIndex, match=r"same time|jumps back"):
        indexed(path)


def test_a_stream_that_begins_in_the_middle(factory, tmp_path, made):
    path = made("b-frames.ts", **KINDS["b-frames.ts"])
    packets = path.read_bytes()
    cut = tmp_path / "cut.ts"
    # Without the packets of the first key frame, whole transport packets at a time.
    cut.write_bytes(packets[: 3 * 188] + packets[20 * 188 :])
    with pytest.raises(InexactIndex):
        indexed(cut)


def test_hidden_frames_of_vp8(factory, tmp_path):
    path = factory.write_clip(tmp_path / "a.ivf", codec="libvpx", options={"lag-in-frames": "0"})
    data = bytearray(path.read_bytes())
    second = 32 + 12 + int.from_bytes(data[32:36], "little")
    data[second + 12] &= ~0x10
    path.write_bytes(data)
    assert len(decoded(factory, str(path))) == 39
    with pytest.raises(InexactIndex, match="show no frame"):
        indexed(path)


@pytest.mark.parametrize(
    ("codec", "data", "shown"),
    [
        ("vp9", "82 00", True),  # profile 0, inter frame? shown
        ("vp9", "80 00", False),  # not shown
        ("vp9", "88 00", True),  # shows an existing frame
        ("vp9", "80 c1", True),  # a superframe
        ("vp9", "b1 00", True),  # profile 3 has one bit more before
        ("vp9", "b2 00", False),
        ("vp8", "10 00", True),
        ("vp8", "00 00", False),
        ("h264", "00 00", True),
        ("vp8", "", False),
    ],
)
def test_what_a_packet_shows(codec, data, shown):
    assert shows_a_frame(codec, bytes.fromhex(data)) is shown
