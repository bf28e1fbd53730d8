"""A film again and again, as H.264 at its own frame rate: real pictures, of the size and length asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

WIDTH, HEIGHT = 854, 480


def looped(video: Path, out: Path, seconds: int, width: int = WIDTH, height: int = HEIGHT) -> None:
    """Write `out`, so many seconds of `video`."""
    with av.open(str(video)) as source, av.open(str(out), "w") as target:
        rate = Fraction(source.streams.video[0].average_rate or 25)
        stream = target.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        written = 0
        while written < seconds * rate:
            source.seek(0)
            for frame in source.decode(video=0):
                if written >= seconds * rate:
                    break
                picture = frame.reformat(width, height, "yuv420p")
                picture.pts, picture.time_base = written, 1 / rate
                target.mux(stream.encode(picture))
                written += 1
        target.mux(stream.encode(None))
