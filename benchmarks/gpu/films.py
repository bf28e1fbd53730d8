"""Films that are made for a measurement, and how far two pictures are from each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_film(path: Path) -> None:
    """10 s of 1080p H.264 with a key frame each second: a coarse pattern that moves, with grain that is kept."""
    import av

    random = np.random.default_rng(0)
    pattern = np.kron(random.integers(0, 256, (34, 60, 3)), np.ones((32, 32, 1))).astype(np.uint8)[:1080]
    pattern += random.integers(0, 8, pattern.shape, np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "g": "30", "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(300):
            frame = av.VideoFrame.from_ndarray(np.roll(pattern, 3 * number, axis=1), "rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def psnr(found: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal to noise in dB, of values from 0 to 255; 120 where they are equal."""
    error = float(np.mean((np.asarray(found, np.float64) - np.asarray(wanted, np.float64)) ** 2))
    return min(120.0, 10 * np.log10(255**2 / error)) if error else 120.0
