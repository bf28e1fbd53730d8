"""Films that join clips of a folder in several orders: `python benchmarks/everyday/joined_films.py CLIPS_DIR OUT_DIR`.

Every film holds each clip once, whole, cut hard against the next one. The clips may differ in size and rate: all are
drawn into pictures of one size, with bars where their shape differs, at one constant rate. Sound is left out. Writes
`OUT_DIR/film_0.mp4`, … (H.264) and `OUT_DIR/films.json`: which clip is where, in seconds of the film's own frames.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av import VideoFrame

WIDTH, HEIGHT, RATE = 640, 360, 25
FILMS = 10
# Of a clip whose container gives its last picture no end.
_GUESSED_RATE = Fraction(25)
_NOT_CLIPS = (".md", ".json", ".txt")

Planes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where a clip is in a film: from its first picture's time to that of the next clip's first picture."""

    clip: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFilm:
    """A film that was written, and what is in it, in order."""

    path: Path
    spans: tuple[Span, ...]

    def span(self, clip: str) -> Span:
        """Where a clip is, by its name without suffix."""
        return next(span for span in self.spans if span.clip == clip)


def clips_of(folder: Path) -> list[Path]:
    """The clips of a folder, by name."""
    return sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() not in _NOT_CLIPS)


def orders(clips: Sequence[Path], films: int) -> list[list[Path]]:
    """So many different orders of the clips, the same ones every time."""
    draw = random.Random(0)
    found: list[list[Path]] = []
    while len(found) < films:
        order = draw.sample(list(clips), len(clips))
        if order not in found:
            found.append(order)
    return found


def pictures(clip: Path) -> Iterator[VideoFrame]:
    """A clip's pictures, drawn into the film's size, at the film's rate: each is the one on screen at that moment."""
    with av.open(str(clip)) as source:
        stream = source.streams.video[0]
        rate = Fraction(stream.average_rate or _GUESSED_RATE)
        first = shown = None
        ticks = 0
        last = Fraction(0)
        for frame in source.decode(stream):
            if frame.pts is None or frame.time_base is None:
                raise ValueError(f"{clip.name}: a frame without a time")
            time = frame.pts * frame.time_base
            first = time if first is None else first
            last = time - first
            while shown is not None and Fraction(ticks, RATE) < last:
                yield shown
                ticks += 1
            shown = drawn(frame)
        while shown is not None and Fraction(ticks, RATE) < last + 1 / rate:
            yield shown
            ticks += 1


def drawn(frame: VideoFrame) -> VideoFrame:
    """A picture as large as fits into the film's size, in the middle of black."""
    scale = min(Fraction(WIDTH, frame.width), Fraction(HEIGHT, frame.height))
    # Halves of the chroma planes stay whole pixels.
    width, height = (2 * max(1, round(side * scale / 2)) for side in (frame.width, frame.height))
    small = frame.reformat(width, height, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
    return VideoFrame.from_ndarray(_padded(small.to_ndarray(), width, height), format="yuv420p")


def _padded(planes: Planes, width: int, height: int) -> Planes:
    """Planar pictures one below the other, as `VideoFrame.to_ndarray` gives them, with bars around each plane."""
    found = np.concatenate(
        [np.full(WIDTH * HEIGHT, 16, np.uint8), np.full(WIDTH * HEIGHT // 2, 128, np.uint8)], dtype=np.uint8
    )
    flat = planes.reshape(-1)
    taken = placed = 0
    for half in (1, 2, 2):
        wide, high, whole_wide, whole_high = width // half, height // half, WIDTH // half, HEIGHT // half
        left, top = (whole_wide - wide) // 2, (whole_high - high) // 2
        plane = found[placed : placed + whole_wide * whole_high].reshape(whole_high, whole_wide)
        plane[top : top + high, left : left + wide] = flat[taken : taken + wide * high].reshape(high, wide)
        taken, placed = taken + wide * high, placed + whole_wide * whole_high
    return found.reshape(HEIGHT * 3 // 2, WIDTH)


def write_joined(clips: Sequence[Path], out: Path) -> JoinedFilm:
    """Write one film of the clips in this order, without sound.

    Raises:
        ValueError: a clip has no picture.
    """
    spans = []
    written = 0
    with av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=RATE, options={"crf": "18", "preset": "fast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.colorspace = 1  # BT.709
        stream.codec_context.color_range = 1  # as television has it
        for clip in clips:
            start = written
            for picture in pictures(clip):
                picture.pts, picture.time_base = written, Fraction(1, RATE)
                target.mux(stream.encode(picture))
                written += 1
            if written == start:
                raise ValueError(f"{clip.name}: no picture")
            spans.append(Span(clip=clip.stem, start_s=start / RATE, end_s=written / RATE))
        target.mux(stream.encode(None))
    return JoinedFilm(path=out, spans=tuple(spans))


def write_films(clips: Sequence[Path], out: Path, films: int = FILMS) -> list[JoinedFilm]:
    """Write films of all these clips, each in an order of its own, and `films.json` beside them."""
    out.mkdir(parents=True, exist_ok=True)
    made = [write_joined(order, out / f"film_{number}.mp4") for number, order in enumerate(orders(clips, films))]
    told = [{"file": film.path.name, "spans": [asdict(span) for span in film.spans]} for film in made]
    (out / "films.json").write_text(json.dumps({"rate": RATE, "films": told}, indent=1) + "\n", encoding="utf-8")
    return made


def read_films(folder: Path) -> list[JoinedFilm]:
    """What `write_films` wrote there."""
    told = json.loads((folder / "films.json").read_text(encoding="utf-8"))["films"]
    return [
        JoinedFilm(path=folder / film["file"], spans=tuple(Span(**span) for span in film["spans"])) for film in told
    ]


def main() -> None:
    """Read the arguments, and write the films."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--films", type=int, default=FILMS)
    given = parser.parse_args()
    for film in write_films(clips_of(given.clips), given.out, given.films):
        print(film.path, *(f"{span.clip} {span.start_s:g}-{span.end_s:g}" for span in film.spans), file=sys.stderr)


if __name__ == "__main__":
    main()
