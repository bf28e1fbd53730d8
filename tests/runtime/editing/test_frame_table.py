"""The table of frames against what decoding gives, and where it says that copying may begin and end."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import av
import pytest
from tests.runtime.editing.film_factory import write_film
from tests.runtime.video.clip_factory import edit_start, restamp, set_edit_list

from videobert.base.errors import Cancelled, DecodeError, LimitExceeded
from videobert.base.limits import Limits
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import FrameTable, read_frame_table
from videobert.editing.pieces import pieces_of

B_FRAMES = {"bf": "2", "x264-params": "scenecut=0"}
FILMS = {
    "b.mp4": ("libx264", B_FRAMES),
    "open.mp4": ("libx264", {"bf": "2", "x264-params": "scenecut=0:open-gop=1"}),
    "hevc.mkv": ("libx265", {}),
    "open_hevc.mkv": ("libx265", {"x265-params": "log-level=none:keyint=12:open-gop=1:scenecut=0"}),
    "simple.mp4": ("mpeg4", {"bf": "2"}),
    "vp9.webm": ("libvpx-vp9", {}),
    "vp8.webm": ("libvpx", {"auto-alt-ref": "1", "lag-in-frames": "10"}),
    "b.ts": ("libx264", B_FRAMES),
}


def read(path: Path, limits: Limits | None = None) -> FrameTable:
    return read_frame_table(FilmSource(path, None, limits or Limits()))


def decoded(path: Path) -> list[int]:
    with av.open(str(path)) as film:
        return [frame.pts for frame in film.decode(video=0) if frame.pts is not None]


@pytest.mark.parametrize("name", FILMS)
def test_every_frame_and_no_other(tmp_path: Path, name: str) -> None:
    codec, options = FILMS[name]
    path = write_film(tmp_path / name, codec=codec, options=options)
    table = read(path)
    assert list(table.ticks) == decoded(path)
    assert len(table) == 40
    assert float(table.time(40) - table.time(0)) == pytest.approx(1.6, abs=2e-3)


@pytest.mark.parametrize("name", FILMS)
def test_what_is_copied_can_be_decoded_alone(tmp_path: Path, name: str) -> None:
    """The packets of a copied piece, put into a new decoder, give its frames, all of them and no others."""
    codec, options = FILMS[name]
    path = write_film(tmp_path / name, codec=codec, options=options)
    table = read(path)
    for landing, before in zip(table.landings, table.landing_packets, strict=True):
        for end in range(landing + 1, len(table) + 1):
            if table.decoded_before[end] < 0:
                continue
            with av.open(str(path)) as film:
                stream = film.streams.video[0]
                packets = [packet for packet in film.demux(stream) if packet.size][before:]
                first = table.ticks[landing]
                taken = [
                    p for p in packets[: table.packets_between(landing, end)] if p.pts is not None and p.pts >= first
                ]
                decoder = av.CodecContext.create(stream.codec_context.name, "r")
                decoder.extradata = stream.codec_context.extradata
                frames = [frame for packet in [*taken, None] for frame in decoder.decode(packet)]
            assert [frame.pts for frame in frames] == list(table.ticks[landing:end])


def test_pieces_are_the_spans_and_nothing_else(tmp_path: Path) -> None:
    table = read(write_film(tmp_path / "a.mp4", options=B_FRAMES))
    for first in range(0, 40, 3):
        for end in range(first + 1, 41):
            pieces = pieces_of(table, [(first, end)])
            assert [n for piece in pieces for n in range(piece.first, piece.end)] == list(range(first, end))
            assert all(piece.first in table.landings for piece in pieces if piece.copied)
            assert all(table.decoded_before[piece.end] >= 0 for piece in pieces if piece.copied)


def test_frames_that_an_edit_list_hides(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", options=B_FRAMES)
    set_edit_list(path, edit_start(path) + 5 * 512, 1200)
    table = read(path)
    assert list(table.ticks) == decoded(path)
    # Its key frame is not shown: the first stretch cannot be copied.
    assert 0 not in table.landings


def test_no_presentation_times(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.avi", codec="mpeg4", options={"bf": "2"})
    table = read(path)
    assert (table.rate, len(table)) == (25, 40)


def test_nearest_bounds_against_trying_all(tmp_path: Path) -> None:
    times = [Fraction(n * n + 40 * n, 1000) for n in range(40)]
    table = read(write_film(tmp_path / "a.mp4", times=times, time_base=Fraction(1, 1000)))
    bounds = [table.time(n) for n in range(41)]
    for tenth in range(-20, 320):
        time = Fraction(tenth, 100)
        assert abs(bounds[table.nearest_bound(time)] - time) == min(abs(bound - time) for bound in bounds)


def test_faults(tmp_path: Path) -> None:
    path = write_film(tmp_path / "a.mp4", options={"bf": "0"})
    twice = restamp(path, tmp_path / "twice.mkv", {4: 5 * 512})
    with pytest.raises(DecodeError, match="two frames"):
        read(twice)
    # A second part whose clock begins anew, at the same times or between them.
    for start, what in ((Fraction(0), "have one time"), (Fraction(51, 100), "shown much later")):
        parts = [
            write_film(tmp_path / "part.ts", options=B_FRAMES, start_s=begin, time_base=Fraction(1, 100)).read_bytes()
            for begin in (Fraction(0), start)
        ]
        (tmp_path / "joined.ts").write_bytes(b"".join(parts))
        with pytest.raises(DecodeError, match=f"{what}: its clock was set back") as caught:
            read(tmp_path / "joined.ts")
        assert "ffmpeg -i FILM -c copy NEW.mp4" in str(caught.value)
    with pytest.raises(LimitExceeded):
        read(path, Limits(max_duration_s=1))
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        read_frame_table(FilmSource(path, None, Limits()), cancel=cancel)
