"""Films as real video files: H.264 in MP4 or VP9 in WebM, written with PyAV.

x264's macroblock tree was found to give slightly other bytes now and then for the same pictures, so it is off: the same
seed gives the same files.
"""

from __future__ import annotations

from pathlib import Path

import av

from videobert_modeling.train.shapes.render import frames
from videobert_modeling.train.shapes.world import Film

_OPTIONS = {
    "libx264": {"preset": "veryfast", "threads": "1", "x264-params": "mbtree=0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "b": "0", "threads": "1"},
}
SUFFIXES = {"libx264": ".mp4", "libvpx-vp9": ".webm"}


def write_film(film: Film, folder: Path, stem: str) -> Path:
    """Draws and encodes the film; the path of the file, whose suffix follows the codec."""
    path = folder / f"{stem}{SUFFIXES[film.codec]}"
    options = {**_OPTIONS[film.codec], "crf": str(film.quality)}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(film.codec, rate=film.fps, options=options)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
        for number, picture in enumerate(frames(film)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / film.fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
