"""One setting of a model, measured where nothing else is: `python -m videobert.bench.plan_child JSON`.

What was measured goes to stdout as JSON, and so does an error, by its message.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.errors import InputError, VideoBertError
from videobert.bench.opened_model import opened_model
from videobert.bench.peak_memory import peak_memory_bytes
from videobert.results.as_json import to_json
from videobert.runtime import Runtime
from videobert.video.open import open_clips
from videobert.video.source.frame_array import FrameArray

_WARM_UPS = 3


def measured(asked: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of one setting.

    Args:
        asked: `model`, `options` of `load`, `video`, `stride` and `runs`.

    Raises:
        VideoBertError: the model cannot be loaded so, or the video not be read.
    """
    options = dict(asked["options"])
    options["cache_dir"] = None if options.get("cache_dir") is None else Path(options["cache_dir"])
    with opened_model(asked["model"], options) as (_, engine, model):
        clip = _clip(model, asked["video"])
        latencies = [_timed(lambda: model.run(clip)) for _ in range(_WARM_UPS + asked["runs"])][_WARM_UPS:]
        # The first answer of a video compiles what is left to compile.
        model.run(asked["video"], stride=asked["stride"])
        began = time.perf_counter()
        report = model.run(asked["video"], stride=asked["stride"])
        answer_s = time.perf_counter() - began
        return {
            "latencies_s": latencies,
            "answer_s": answer_s,
            "video_s": report.duration_s,
            "batch": engine.parallel,
            "peak_memory_bytes": peak_memory_bytes(),
            "origin": to_json(report.origin),
            "segments": to_json(report.segments),
        }


def _clip(model: Runtime, video: str) -> FrameArray:
    """The first clip of a video, as its frames."""
    with open_clips(video, model.recipe) as clips:
        first = next(iter(clips), None)
    if first is None:
        raise InputError("this video has no clip", seen=video, fix="Choose a longer one.")
    frames = np.asarray(first.frames)
    return FrameArray(frames, np.arange(len(frames)) / float(model.recipe.fps))


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure what the command line asks for."""
    try:
        found = measured(json.loads(sys.argv[1]))
    except VideoBertError as error:
        found = {"error": error.for_cli}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
