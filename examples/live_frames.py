"""Frames that come one by one, with their times: python examples/live_frames.py clip.mp4

A camera, a socket or a game gives frames; here a file stands in for it. Each stretch of video is answered as soon as
the answers change, before the next frame is asked for; memory does not grow, and another thread may stop it any time.
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
        with videobert.load("shapes") as model, model.stream(frames(path), cancel=stop) as segments:
            for segment in segments:
                best = {question: candidates[0].text for question, candidates in segment.answers.items()}
                print(f"{segment.start_s:.1f}–{segment.end_s:.1f} s", best, flush=True)
            if segments.report().out_of_domain:
                print("unlike what the model was trained on: the answers mean little")
    except videobert.Cancelled:
        print("stopped")
    finally:
        late.cancel()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
