"""The product's own points with fewer instructions than this processor has: what int8 is worth on other processors.

    python -m benchmarks.int8.known OUT.json MODEL VIDEO [MODEL VIDEO …]

Of each model its backbone on the first clip of the video, in turns, the rest in fp32; on a machine that does nothing
else. A set of instructions that this processor lacks is left out by name.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.int8 import processors
from videobert import open_clips
from videobert.bench.environment import environment
from videobert.model.folder import ModelFolder
from videobert.model.int8_file import int8_model
from videobert.model.stage_lists import BACKBONE


def first_clip(video: Path, folder: ModelFolder) -> npt.NDArray[np.uint8]:
    """uint8 `(frames, side, side, 3)`, as the recipe lays it."""
    with open_clips(video, folder.recipe) as clips:
        return next(iter(clips)).on_host()


def main() -> None:
    """Read the arguments, measure, and write the result."""
    out, pairs = Path(sys.argv[1]), sys.argv[2:]
    models: dict[str, Any] = {}
    for model, video in zip(pairs[::2], pairs[1::2], strict=True):
        folder = ModelFolder(Path(model))
        clip = first_clip(Path(video), folder)
        models[folder.config.name] = processors.turns(folder, {"int8": int8_model(folder).stages[BACKBONE]}, clip)
    result = {
        "environment": environment("openvino", "numpy"),
        "left_out": [each for each in processors.SETS if each not in processors.usable_sets()],
        "models": models,
    }
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
