"""Films joined of clips: what is where in them, whatever size and rate the clips have."""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks" / "everyday"))

import joined_films

# Colour, width, height, rate and pictures of each.
CLIPS = {
    "red": ((200, 30, 30), 64, 48, 10, 12),
    "green": ((30, 200, 30), 32, 64, 30, 20),
    "blue": ((0, 0, 255), 96, 54, 25, 5),
}


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """Clips of one colour each: of other sizes and rates, one with sound."""
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "README.md").write_text("no clip")
    for name, (colour, width, height, rate, frames) in CLIPS.items():
        with av.open(str(folder / f"{name}.mp4"), "w") as target:
            stream = target.add_stream("mpeg4", rate=rate)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            sound = target.add_stream("aac", rate=16000, layout="mono") if name == "red" else None
            for _ in range(frames):
                picture = np.full((height, width, 3), colour, np.uint8)
                target.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            target.mux(stream.encode(None))
            if sound is not None:
                noise = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
                noise.sample_rate = 16000
                target.mux(sound.encode(noise))
                target.mux(sound.encode(None))
    return folder


def test_every_clip_is_where_the_spans_say(clips: Path, tmp_path: Path) -> None:
    made = joined_films.write_films(joined_films.clips_of(clips), tmp_path / "films", films=3)
    assert joined_films.read_films(tmp_path / "films") == made
    assert len({tuple(span.clip for span in film.spans) for film in made}) == 3
    for film in made:
        assert [a.end_s for a in film.spans[:-1]] == [b.start_s for b in film.spans[1:]]
        for name, (_, _, _, rate, frames) in CLIPS.items():
            span = film.span(name)
            assert span.end_s - span.start_s == pytest.approx(frames / rate, abs=1 / joined_films.RATE)
        with av.open(str(film.path)) as written:
            assert [stream.type for stream in written.streams] == ["video"]
            shown = [(frame.time, frame.to_ndarray(format="rgb24")) for frame in written.decode(video=0)]
        assert shown[-1][0] + 1 / joined_films.RATE == pytest.approx(film.spans[-1].end_s)
        for time, picture in shown:
            span = next(span for span in film.spans if span.start_s <= time + 1e-6 < span.end_s)
            middle = picture[joined_films.HEIGHT // 2, joined_films.WIDTH // 2].astype(int)
            assert np.abs(middle - CLIPS[span.clip][0]).max() < 40
            # The green clip is upright: bars beside it, none above it.
            assert (picture[joined_films.HEIGHT // 2, 4].max() < 30) == (span.clip != "blue")


def test_orders_are_different_and_always_the_same() -> None:
    clips = [Path("a"), Path("b"), Path("c")]
    found = joined_films.orders(clips, 6)
    assert found == joined_films.orders(clips, 6)
    assert len({tuple(order) for order in found}) == 6
