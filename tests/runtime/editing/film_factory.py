"""Films with sound whose every frame and sample says which it is, and what a cut film holds, by decoding alone."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from tests.runtime.video.clip_factory import number_of, picture

from videobert.base.thread_scheduling import kept_scheduling

RATE = 48_000
QUIET = {"libx265": {"x265-params": "log-level=none:keyint=12:min-keyint=12:scenecut=0:open-gop=0"}}
# One thread: beside other work libvpx waits by spinning.
ONE_THREAD = {"libvpx": {"threads": "1"}, "libvpx-vp9": {"threads": "1"}}


def noise(samples: int, channel: int = 0) -> npt.NDArray[np.float32]:
    """Soft noise that is nowhere like itself, so that a piece of it tells where it comes from."""
    rough = np.random.default_rng(channel).normal(size=samples + 8)
    return (0.2 * np.convolve(rough, np.ones(9) / 3, "valid")).astype(np.float32)


def write_film(
    path: Path,
    *,
    codec: str = "libx264",
    frames: int = 40,
    rate: Fraction = Fraction(25),
    times: Sequence[Fraction] | None = None,
    time_base: Fraction | None = None,
    options: dict[str, str] | None = None,
    sounds: Sequence[str] = (),
    size: tuple[int, int] = (160, 120),
    pixel_format: str = "yuv420p",
    start_s: Fraction = Fraction(0),
    rotation: float = 0.0,
    tags: dict[str, str] | None = None,
    **context: Any,
) -> Path:
    """A film with a key frame every twelve frames, and a track of noise for each of `sounds`, names of encoders."""
    base = time_base or 1 / rate
    shown = times if times is not None else [start_s + n / rate for n in range(frames)]
    seconds = shown[-1] - shown[0] + 1 / rate
    with kept_scheduling(), av.open(str(path), "w") as output:
        output.metadata.update(tags or {})
        chosen = {"g": "12", **QUIET.get(codec, {}), **ONE_THREAD.get(codec, {}), **(options or {})}
        stream = output.add_stream(codec, rate=rate, options=chosen)
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = base
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if rotation:
            stream.set_display_rotation(rotation)
        tracks = []
        for encoder in sounds:
            track = output.add_stream(encoder, rate=RATE)
            track.codec_context.layout = "stereo"
            tracks.append(track)
        packets = []
        for number, time in enumerate(shown):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), "rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = round(time / base), base
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for number, track in enumerate(tracks):
            length = round(seconds * RATE)
            both = np.stack([noise(length, 2 * number), noise(length, 2 * number + 1)])
            for at in range(0, length, 1 << 14):
                block = av.AudioFrame.from_ndarray(np.ascontiguousarray(both[:, at : at + (1 << 14)]), "fltp", "stereo")
                block.sample_rate, block.pts = RATE, at + round(shown[0] * RATE)
                block.time_base = Fraction(1, RATE)
                packets += track.encode(block)
            packets += track.encode(None)
        packets.sort(key=lambda packet: (packet.dts or 0) * packet.time_base)
        output.mux(packets)
    return path


def frames_of(path: Path) -> list[tuple[int, float, npt.NDArray[np.uint8]]]:
    """Number, time and picture of each frame, as a player shows them."""
    found = []
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            rgb = frame.to_ndarray(format="rgb24")
            height, width = rgb.shape[:2]
            side = min(height, width)
            top, left = (height - side) // 2, (width - side) // 2
            assert frame.pts is not None
            number = number_of(rgb[top : top + side, left : left + side])
            found.append((number, float(frame.pts * frame.time_base), rgb))
    return found


def numbers_of(path: Path) -> list[int]:
    return [number for number, _, _ in frames_of(path)]


def packets_of(path: Path) -> dict[bytes, int]:
    """The bytes of each packet of the pictures, and how often it comes.

    Of H.264 and HEVC it is the bytes of the slices: containers differ in how they part them, and in what stands before.
    """
    found: dict[bytes, int] = {}
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        codec = stream.codec_context.codec.canonical_name
        lengths = (stream.codec_context.extradata or b"")[:1] == b"\1"
        for packet in film.demux(stream):
            if packet.size:
                data = _slices(bytes(packet), lengths, codec) if codec in ("h264", "hevc") else bytes(packet)
                found[data] = found.get(data, 0) + 1
    return found


def _slices(data: bytes, lengths: bool, codec: str) -> bytes:
    units, at = [], 0
    while lengths and at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : end])
        at = end
    if not lengths:
        units = [unit.rstrip(b"\0") for unit in data.split(b"\0\0\1")]
    if codec == "hevc":
        return b"".join(unit for unit in units if unit and unit[0] >> 1 & 63 < 32)
    return b"".join(unit for unit in units if unit and unit[0] & 31 in (1, 5))


def samples_of(path: Path, track: int = 0) -> npt.NDArray[np.float32]:
    """All samples of a track from time 0 on, `(channels, n)`, as its times say: what comes before 0 is not heard."""
    with av.open(str(path)) as film:
        stream = film.streams.audio[track]
        resampler = av.AudioResampler(format="fltp", layout=stream.codec_context.layout, rate=RATE)
        blocks: list[npt.NDArray[np.float32]] = []
        begin = None
        for frame in film.decode(stream):
            if begin is None:
                begin = round(frame.pts * frame.time_base * RATE)
            blocks += [part.to_ndarray() for part in resampler.resample(frame)]
        blocks += [part.to_ndarray() for part in resampler.resample(None)]
    whole = np.concatenate(blocks, axis=1)
    assert begin is not None
    return whole[:, -begin:] if begin < 0 else np.pad(whole, ((0, 0), (begin, 0)))


def offset_of(piece: npt.NDArray[np.float32], whole: npt.NDArray[np.float32]) -> tuple[int, float]:
    """Where in `whole` a piece lies, in samples, by correlation, and how alike they are there, 0 to 1."""
    size = 1 << (len(whole) + len(piece)).bit_length()
    found = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(piece, size)), size)
    found = found[: len(whole) - len(piece) + 1]
    at = int(np.argmax(found))
    there = whole[at : at + len(piece)]
    return at, float(found[at] / (np.linalg.norm(piece) * np.linalg.norm(there)))
