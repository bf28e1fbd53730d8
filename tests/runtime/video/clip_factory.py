"""Small videos whose frames say which one they are, and edits to the bytes of containers where no option helps."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from videobert.base.thread_scheduling import kept_scheduling

# 4 x 4 cells in the central square. The corners are fixed, so that a turned or mirrored picture is noticed;
# the other twelve hold the number, lowest bit first.
_CORNERS = {(0, 0): 1, (0, 3): 0, (3, 0): 0, (3, 3): 0}
_BITS = [(row, column) for row in range(4) for column in range(4) if (row, column) not in _CORNERS]
WHITE, BLACK = 200, 50


def picture(number: int, width: int = 160, height: int = 120) -> np.ndarray:
    """uint8 `(height, width, 3)` that carries `number`, 0 to 4095."""
    side = min(width, height)
    cells = np.zeros((4, 4), np.uint8)
    for place, on in {**_CORNERS, **{place: number >> bit & 1 for bit, place in enumerate(_BITS)}}.items():
        cells[place] = WHITE if on else BLACK
    index = np.arange(side) * 4 // side
    frame = np.full((height, width, 3), 120, np.uint8)
    top, left = (height - side) // 2, (width - side) // 2
    frame[top : top + side, left : left + side] = cells[np.ix_(index, index)][..., None]
    return frame


def number_of(square: np.ndarray) -> int:
    """The number in a picture that was cropped to its central square; -1 if it is turned, mirrored or blank."""
    side = square.shape[0]
    centres = (np.arange(4) * 2 + 1) * side // 8
    reach = max(side // 16, 1)
    cells = np.array(
        [[square[y - reach : y + reach, x - reach : x + reach].mean() > 125 for x in centres] for y in centres]
    )
    if any(cells[place] != on for place, on in _CORNERS.items()):
        return -1
    return sum(int(cells[place]) << bit for bit, place in enumerate(_BITS))


def write_clip(
    path: Path,
    *,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    ticks: Sequence[int] = tuple(range(40)),
    time_base: Fraction = Fraction(1, 25),
    size: tuple[int, int] = (160, 120),
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    frames: Iterable[np.ndarray] | None = None,
    rate: Fraction | None = None,
    container: str | None = None,
    **tags: Any,
) -> Path:
    """Encode one frame for each of `ticks` (in `time_base`); `tags` are set on the codec context."""
    quiet = {"libx265": {"x265-params": "log-level=none"}, "libsvtav1": {"preset": "12"}}
    with kept_scheduling(), av.open(str(path), "w", format=container, options=muxer or {}) as output:
        stream = output.add_stream(
            codec, rate=rate or 1 / time_base, options={**quiet.get(codec, {}), **(options or {})}
        )
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        if codec == "libvpx":
            # With pictures this small its threads spin in waiting for each other: for minutes, where others work.
            stream.codec_context.thread_count = 1
        for name, value in tags.items():
            setattr(stream.codec_context, name, value)
        pictures = frames if frames is not None else (picture(n, *size) for n in range(len(ticks)))
        for tick, rgb in zip(ticks, pictures, strict=True):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = tick, time_base
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def repeat_packets(source: Path, path: Path, times: int) -> Path:
    """The same encoded packets over and over, timestamps shifted: any length at the cost of copying."""
    with av.open(str(source)) as one:
        stream = one.streams.video[0]
        packets = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in one.demux(stream) if p.size]
        length = sum(p[3] for p in packets)
        with av.open(str(path), "w") as output:
            copy = output.add_stream_from_template(stream)
            for repeat in range(times):
                for data, pts, dts, duration, key in packets:
                    packet = av.Packet(data)
                    packet.stream, packet.time_base = copy, stream.time_base
                    packet.pts, packet.dts = pts + repeat * length, dts + repeat * length
                    packet.duration, packet.is_keyframe = duration, key
                    output.mux(packet)
    return path


def restamp(source: Path, path: Path, times: dict[int, int], **options: Any) -> Path:
    """The same packets with other presentation times for some, in ticks of the file written; `options` go to its muxer.

    What is decoded when stays as it is, so that a time may lie ahead of or behind those of its neighbours.
    """
    with av.open(str(source)) as one:
        stream = one.streams.video[0]
        with av.open(str(path), "w", options={"avoid_negative_ts": "disabled", **options}) as output:
            copy = output.add_stream_from_template(stream)
            for number, packet in enumerate(p for p in one.demux(stream) if p.size):
                moved = av.Packet(bytes(packet))
                moved.stream, moved.time_base = copy, packet.time_base
                moved.pts, moved.dts = times.get(number, packet.pts), packet.dts
                moved.duration, moved.is_keyframe = packet.duration, packet.is_keyframe
                output.mux(moved)
    return path


def avi_chunks(path: Path) -> list[tuple[int, int]]:
    """Place and size of each chunk of video in an AVI file, in the order of decoding."""
    data = path.read_bytes()
    at, found = data.index(b"movi") + 4, []
    while data[at + 2 : at + 4] in (b"dc", b"db"):
        size = struct.unpack_from("<I", data, at + 4)[0]
        found.append((at + 8, size))
        at += 8 + size + size % 2
    return found


def set_edit_list(path: Path, media_time: int, duration: int) -> None:
    """Let the first edit of an MP4 show `duration` (movie ticks) of the track from `media_time` (track ticks)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"elst")
    version, count = data[at + 4], struct.unpack_from(">I", data, at + 8)[0]
    if version or count != 1:
        raise ValueError(f"expected one edit of version 0, found {count} of version {version}")
    struct.pack_into(">Ii", data, at + 12, duration, media_time)
    path.write_bytes(data)


def edit_start(path: Path) -> int:
    """Where the first edit of an MP4 begins in its track, in track ticks; -1 for an empty one."""
    data = path.read_bytes()
    at = data.index(b"elst")
    start: int = struct.unpack_from(">i", data, at + 16)[0]
    return start


def set_display_matrix(path: Path, a: int, b: int, c: int, d: int) -> None:
    """Write the matrix of an MP4's track header: (x, y) is shown at (a x + c y, b x + d y)."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version 0
    one = 0x10000
    struct.pack_into(">9i", data, at, a * one, b * one, 0, c * one, d * one, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def shift_ivf(path: Path, ticks: int) -> None:
    """Add `ticks` to every presentation time of an IVF file."""
    data = bytearray(path.read_bytes())
    at = 32
    while at < len(data):
        size, time = struct.unpack_from("<Iq", data, at)
        struct.pack_into("<q", data, at + 4, time + ticks)
        at += 12 + size
    path.write_bytes(data)


def set_ivf_time(path: Path, number: int, ticks: int) -> None:
    """Give frame `number` of an IVF file another presentation time."""
    data = bytearray(path.read_bytes())
    at = 32
    for _ in range(number):
        at += 12 + struct.unpack_from("<I", data, at)[0]
    struct.pack_into("<q", data, at + 4, ticks)
    path.write_bytes(data)


def expected_frames(times: Sequence[Fraction], end: Fraction, fps: Fraction) -> list[int]:
    """By brute force: the number of the frame on screen at every sampling time before `end`."""
    samples = []
    while (now := times[0] + len(samples) / fps) < end:
        samples.append(max(n for n, time in enumerate(times) if time <= now))
    return samples
