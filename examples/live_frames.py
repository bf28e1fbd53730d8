"""Frames that come one by one, with their times: python examples/live_frames.py clip.mp4

A camera, a socket or a game gives frames; here a file stands in for it. Each clip is watched as soon as it is whole, so
memory does not grow, and another thread may stop the call at any time.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt

import videobert


def frames(path: str) -> Iterator[tuple[npt.NDArray[np.uint8], float]]:
    """RGB pictures, uint8 `(height, width, 3)`, and their presentation times in seconds."""
    with av.open(path) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24"), frame.time or 0.0


def main(path: str) -> None:
    stop = threading.Event()
    late = threading.Timer(60, stop.set)
    late.start()
    try:
        with videobert.load("shapes") as model:
            report = model.run(frames(path), cancel=stop, on_progress=lambda done_s, _: print(f"{done_s:.1f} s"))
        for segment in report.segments:
            best = {question: candidates[0].text for question, candidates in segment.answers.items()}
            print(f"{segment.start_s:.1f}–{segment.end_s:.1f} s", best)
    except videobert.Cancelled:
        print("stopped")
    finally:
        late.cancel()


if __name__ == "__main__":
    main(sys.argv[1])
