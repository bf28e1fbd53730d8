"""Sound stays in step: at the sample, for each span and each track, found by correlation with the source's."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.runtime.editing.film_factory import RATE, noise, offset_of, packets_of, samples_of
from tests.runtime.editing.film_factory import write_film as make

from videobert.editing.film import write_film

SPANS = ((1.32, 2.0), (0.24, 0.8))
FRAMES = 60


def check_step(source: Path, cut: Path, track: int, most_off: int) -> None:
    """Each span's sound lies where its pictures lie."""
    whole, found = samples_of(source, track), samples_of(cut, track)
    at_s = 0.0
    for start, end in SPANS:
        # The middle of the span: coders smear across joins.
        first, last = round((at_s + 0.1) * RATE), round((at_s + end - start - 0.1) * RATE)
        for channel in (0, 1):
            at, alike = offset_of(found[channel, first:last], whole[channel])
            assert abs(at - round((start + 0.1) * RATE)) <= most_off
            assert alike > 0.9
        at_s += end - start
    # A coder's last block may be longer, never shorter.
    assert 0 <= found.shape[1] - round(at_s * RATE) <= 2048


@pytest.mark.parametrize(
    ("name", "codec", "sounds", "most_off"),
    [
        ("a.mp4", "libx264", ("aac",), 0),
        ("a.mov", "libx264", ("pcm_s16le",), 0),
        # Matroska states times in milliseconds, 48 samples.
        ("a.mkv", "libx264", ("flac", "aac"), 48),
        ("a.webm", "libvpx-vp9", ("libopus",), 48),
        ("b.mkv", "libx264", ("libmp3lame",), 48),
    ],
)
def test_in_step(tmp_path: Path, name: str, codec: str, sounds: tuple[str, ...], most_off: int) -> None:
    source = make(tmp_path / name, codec=codec, sounds=sounds, frames=FRAMES)
    cut = tmp_path / f"cut{source.suffix}"
    film = write_film(source, SPANS, cut)
    assert len(film.sound) == len(sounds)
    with av.open(str(cut)) as written:
        assert [stream.type for stream in written.streams] == ["video", *["audio"] * len(sounds)]
    for track in range(len(sounds)):
        check_step(source, cut, track, most_off)


@pytest.mark.parametrize(("name", "encoder"), [("a.mov", "pcm_s16le"), ("a.mkv", "flac")])
def test_lossless_sound_stays_what_it_was(tmp_path: Path, name: str, encoder: str) -> None:
    source = make(tmp_path / name, sounds=(encoder,), frames=FRAMES)
    cut = tmp_path / f"cut{source.suffix}"
    write_film(source, SPANS, cut)
    whole, found = samples_of(source), samples_of(cut)
    parts = [whole[:, round(start * RATE) : round(end * RATE)] for start, end in SPANS]
    assert np.array_equal(found, np.concatenate(parts, axis=1))


def test_many_cuts_do_not_drift(tmp_path: Path) -> None:
    """At 29.97 frames a second no span is a whole number of samples: what is left over must not add up."""
    rate = Fraction(30000, 1001)
    source = make(tmp_path / "a.mov", rate=rate, frames=120, sounds=("pcm_s16le",))
    spans = [(n / rate, (n + 1) / rate) for n in range(0, 120, 2)]
    cut = tmp_path / "cut.mov"
    write_film(source, spans, cut)
    found, whole = samples_of(cut), samples_of(source)
    assert found.shape[1] == round(60 / rate * RATE)
    # The last span's sound begins where its picture does.
    last, start = round(59 / rate * RATE), round(spans[-1][0] * RATE)
    assert np.array_equal(found[:, last:], whole[:, start : start + found.shape[1] - last])


def test_sound_that_ends_early_is_followed_by_silence(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mov", frames=FRAMES, sounds=("pcm_s16le",))
    short = tmp_path / "short.mov"
    with av.open(str(source)) as film, av.open(str(short), "w") as output:
        streams = {s.index: output.add_stream_from_template(s, opaque=True) for s in film.streams}
        for packet in film.demux():
            late = packet.stream.type == "audio" and packet.pts is not None and packet.pts >= RATE
            if packet.size and not late:
                packet.stream = streams[packet.stream_index]
                output.mux(packet)
    cut = tmp_path / "cut.mov"
    write_film(short, [(1.6, 2.0), (0.4, 0.8)], cut)
    found, whole = samples_of(cut), samples_of(source)
    assert found.shape[1] == round(0.8 * RATE)
    assert not found[:, : round(0.4 * RATE)].any()
    assert np.array_equal(found[:, round(0.4 * RATE) :], whole[:, round(0.4 * RATE) : round(0.8 * RATE)])


def test_nothing_is_cut_everything_is_copied(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", sounds=("aac",))
    cut = tmp_path / "cut.mp4"
    film = write_film(source, [(0, 1.6)], cut)
    assert (film.method, film.sound) == ("copy", ("aac, copied",))
    assert packets_of(cut) == packets_of(source)
    found = samples_of(cut)[0]
    assert offset_of(found[10_000:40_000], noise(round(1.6 * RATE)))[0] == 10_000


def test_another_container_takes_another_coder(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mp4", sounds=("aac",), frames=FRAMES)
    cut = tmp_path / "cut.webm"
    film = write_film(source, SPANS, cut)
    assert (film.codec, film.sound) == ("vp9", ("opus, encoded anew from aac",))
    check_step(source, cut, 0, 48)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    source = tmp_path / "a.mkv"
    plain = make(tmp_path / "plain.mkv", frames=20)
    with av.open(str(plain)) as film, av.open(str(source), "w") as output:
        stream = output.add_stream_from_template(film.streams.video[0], opaque=True)
        output.add_attachment("font.ttf", "font/ttf", b"font")
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    film_written = write_film(source, [(0, 0.4)], tmp_path / "cut.mkv")
    assert film_written.left_out == ("data",)
    assert film_written.sound == ()


@pytest.mark.parametrize(
    ("name", "encoder", "into", "said"),
    [
        # Matroska names no channels of PCM, and its 1.5 Mbit/s are more than Opus takes.
        ("a.mkv", "pcm_s16le", "cut.mp4", "pcm_s16le, encoded anew"),
        ("a.mkv", "pcm_s16le", "cut.webm", "opus, encoded anew from pcm_s16le"),
        ("a.mov", "pcm_s16le", "cut.webm", "opus, encoded anew from pcm_s16le"),
        # FFmpeg says that QuickTime takes these, and then refuses them.
        ("a.mkv", "flac", "cut.mov", "aac, encoded anew from flac"),
        ("a.mkv", "libopus", "cut.mov", "aac, encoded anew from opus"),
    ],
)
def test_sound_that_a_container_or_coder_does_not_take_as_it_is(
    tmp_path: Path, name: str, encoder: str, into: str, said: str
) -> None:
    source = make(tmp_path / name, codec="mpeg4" if into != "cut.webm" else "libx264", sounds=(encoder,), frames=FRAMES)
    cut = tmp_path / into
    assert write_film(source, SPANS, cut).sound == (said,)
    check_step(source, cut, 0, 48)


def test_channels_without_names_that_are_not_cut(tmp_path: Path) -> None:
    source = make(tmp_path / "a.mkv", codec="mpeg4", sounds=("pcm_s16le",))
    write_film(source, [(0, 1.6)], tmp_path / "cut.mp4")
    assert np.array_equal(samples_of(tmp_path / "cut.mp4"), samples_of(source))


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_pictures_that_quicktime_does_not_take_are_encoded_anew(tmp_path: Path, codec: str) -> None:
    source = make(tmp_path / "a.mkv", codec=codec)
    film = write_film(source, [(0, 0.96)], tmp_path / "cut.mov")
    assert (film.method, film.codec) == ("encode", "h264")
    assert film.why is not None
    assert "mov holds no vp" in film.why
