"""A generated load: a film of any size and length that costs a decoder what real film does."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from videobert.base.arguments import whole
from videobert.base.errors import UsageError

_NOISE = 24


def made_film(size: str, folder: Path, told: Callable[[str], None]) -> Path:
    """A generated film of a size such as `"854x480x20"`, pixels and seconds, in `folder`.

    Args:
        told: hears that it is being made.

    Raises:
        UsageError: this is no size, or one that is out of range.
    """
    parts = size.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and len(part) <= 5 for part in parts):
        raise UsageError(
            "a made film needs a size",
            seen=size,
            allowed="WIDTHxHEIGHTxSECONDS",
            fix="For example 854x480x20: pixels, pixels and seconds.",
        )
    width, height, seconds = map(int, parts)
    told("making a film")
    path = folder / f"{size.lower()}.mp4"
    write_generated_film(path, width=width, height=height, seconds=seconds)
    return path


def write_generated_film(path: Path, *, width: int, height: int, seconds: int, fps: int = 25, seed: int = 0) -> None:
    """Write H.264: smooth pictures that move, with some grain, a cut every four seconds.

    Args:
        path: where to; its name ends in `.mp4`.
        width, height: even, in pixels, 16 to 4096.
        seconds: length, 1 to 3600.
        fps: frames a second, 1 to 120.
        seed: the same one gives the same pictures.

    Raises:
        UsageError: a size or length that is out of range.
    """
    for name, value, least, most in (
        ("width", width, 16, 4096),
        ("height", height, 16, 4096),
        ("seconds", seconds, 1, 3600),
        ("fps", fps, 1, 120),
    ):
        whole(name, value, least=least, most=most, allowed=f"{least} to {most}", fix="Choose another one.")
    rng = np.random.default_rng(seed)
    grain = rng.integers(0, _NOISE, (height + 64, width + 64, 1), np.uint8)
    with av.open(str(path), "w") as output:
        # x264's mbtree looks at memory that nobody wrote: with it the same pictures are now and then other bytes.
        options = {"preset": "veryfast", "x264-params": "no-mbtree=1"}
        stream = output.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = width - width % 2, height - height % 2, "yuv420p"
        scene = _scene(rng, height, width)
        for number in range(seconds * fps):
            if number and number % (4 * fps) == 0:
                scene = _scene(rng, height, width)
            moved = np.roll(scene, (number % 64, 2 * number % 96), axis=(0, 1))
            y, x = rng.integers(0, 64, 2)
            picture = moved + grain[y : y + height, x : x + width]
            frame = av.VideoFrame.from_ndarray(picture[: stream.height, : stream.width], "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _scene(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Smooth colours, uint8 `(height, width, 3)`, dark enough for the grain."""
    small = rng.integers(0, 255 - _NOISE, (9, 16, 3)).astype(np.float32)
    rows, columns = np.linspace(0, 7.999, height), np.linspace(0, 14.999, width)
    y, x = rows.astype(int), columns.astype(int)
    down, right = (rows - y)[:, None, None], (columns - x)[None, :, None]
    top = small[y][:, x] * (1 - right) + small[y][:, x + 1] * right
    low = small[y + 1][:, x] * (1 - right) + small[y + 1][:, x + 1] * right
    return np.asarray(top * (1 - down) + low * down).astype(np.uint8)
