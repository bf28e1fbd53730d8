"""Which products cost most: each alone on 8-bit values, by how far that moves the features."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.int8.points import without
from benchmarks.int8.stage_runs import features, opened
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges


def one_by_one(
    folder: ModelFolder, ranges: Int8Ranges, clips: Sequence[npt.NDArray[np.uint8]], path: Path, seconds: float
) -> dict[str, float]:
    """Median error of the features for each product, beside those of the precision of the rest; what is in the file
    already is not measured again, and it stops after so many seconds.
    """
    found: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    end = time.monotonic() + seconds
    with opened(folder, "fp32") as engine:
        true = features(engine, clips)
    lengths = np.linalg.norm(true, axis=1)
    for name in ranges.tops:
        if name in found or time.monotonic() > end:
            continue
        with opened(folder, "fp32", without(ranges, frozenset(ranges.tops) - {name})) as engine:
            errors = np.linalg.norm(features(engine, clips) - true, axis=1) / lengths
        found[name] = float(np.median(errors))
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def worst_first(errors: dict[str, float]) -> list[str]:
    """Products by what they cost."""
    return sorted(errors, key=lambda name: -errors[name])
