"""Streams two thousand clips through a grey engine, and prints how many bytes Python holds early and late.

In a process of its own: what other tests have left behind, such as a thread that is about to end, allocates beside it.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.runtime import Runtime

# Beside this file, and `tests` itself.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[3]))

from grey_engine import Frame, GreyEngine


def one_frame_a_clip(greys: Iterator[int]) -> Iterator[Frame]:
    """A picture that stands for as long as a clip: 2,000 clips are 2,000 frames."""
    for number, value in enumerate(greys):
        yield np.full((48, 48, 3), value, np.uint8), 1.5 * number


def main(folder: str, changes: str) -> None:
    greys = [0] * 2000 if changes == "never" else [clip % 50 for clip in range(2000)]
    sizes: list[int] = []

    def measure(done_s: float, total_s: float | None) -> None:
        # The pictures of the report are thinned out at each doubling: here they are equally many.
        if round(done_s / 1.5) in (240, 1920):
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])

    engine = GreyEngine()
    with Runtime(ModelFolder(folder), engine, Limits(max_duration_s=20_000)) as model:
        engine.leaves = model.codebook.leaves
        context_clips = 2 if changes == "with neighbours" else 0
        # Once before: what is imported on the way is held for good.
        list(model.stream(one_frame_a_clip(iter(greys)), context_clips=context_clips))
        tracemalloc.start()
        stream = model.stream(one_frame_a_clip(iter(greys)), on_progress=measure, context_clips=context_clips)
        count = sum(1 for _ in stream)
    print(json.dumps({"segments": count, "bytes": sizes}))


if __name__ == "__main__":
    main(*sys.argv[1:])
