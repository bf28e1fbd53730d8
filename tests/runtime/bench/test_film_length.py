"""Films of another length: a generated one is made, a real one is cut, and what is too short is refused."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from videobert.base.errors import InputError, UsageError
from videobert.bench.film import write_generated_film
from videobert.bench.film_length import film_of_length


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(video=0) if packet.size]


def test_a_generated_film_is_made_in_that_length(tmp_path: Path) -> None:
    told: list[str] = []
    path = film_of_length("64x48x9", 2, tmp_path, track=None, limits=None, told=told.append)
    assert (path.name, len(packets(path))) == ("64x48x2.mp4", 50)
    assert told == ["making a film"]


def test_a_real_film_is_cut_once_and_its_pictures_are_copied(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    write_generated_film(film, width=64, height=48, seconds=3, fps=20)
    told: list[str] = []
    path, again = (film_of_length(film, 2, tmp_path, track=None, limits=None, told=told.append) for _ in range(2))
    assert path == again == tmp_path / "a 2 s.mkv"
    assert told == ["cutting to 2 s"]
    whole, cut = packets(film), packets(path)
    assert len(cut) == 40
    # In the order of decoding, so that the last few may be others.
    assert sum(packet in whole for packet in cut) >= 36


def test_a_film_that_is_shorter_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    write_generated_film(film, width=64, height=48, seconds=1, fps=20)
    with pytest.raises(InputError, match="outside the video") as caught:
        film_of_length(film, 2, tmp_path, track=None, limits=None, told=lambda doing: None)
    assert caught.value.allowed == "0.000-1.000 s"
    assert list(tmp_path.iterdir()) == [film]


def test_a_film_whose_clock_begins_late_is_cut_from_its_first_picture(tmp_path: Path) -> None:
    film, late = tmp_path / "a.mp4", tmp_path / "late.mkv"
    write_generated_film(film, width=64, height=48, seconds=3, fps=20)
    with av.open(str(film)) as source, av.open(str(late), "w") as output:
        copy = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                moved = round(7 / packet.time_base)
                packet.pts, packet.dts, packet.stream = packet.pts + moved, packet.dts + moved, copy
                output.mux(packet)
    path = film_of_length(late, 2, tmp_path, track=None, limits=None, told=lambda doing: None)
    assert packets(path)[:36] == packets(film)[:36]


def test_a_size_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        film_of_length("64", 2, tmp_path, track=None, limits=None, told=lambda doing: None)
