"""Ranges tuned against features in fp32: each product's in turn a little narrower or wider, and the best kept.

The error of the whole backbone's features decides, not that of the product, so that what one range clips may be what
another rounds away. Bias correction comes after, since it belongs to ranges.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.int8.stage_runs import features, opened
from videobert.engines.openvino_ranges import rounded
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges

FACTORS = (0.7, 0.85, 1.15, 1.3)


def tuned(
    folder: ModelFolder, ranges: Int8Ranges, clips: Sequence[npt.NDArray[np.uint8]], path: Path, seconds: float
) -> Int8Ranges | None:
    """Ranges without shifts, tuned once through in the graph's order; what is in the file already is not tried again.

    Returns:
        None where it stopped after so many seconds.
    """
    done: dict[str, float] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    end = time.monotonic() + seconds
    with opened(folder, "fp32") as engine:
        true = features(engine, clips)
    now = replace(ranges, tops={**ranges.tops, **done}, shifts={})
    least = _error(folder, now, clips, true)
    for name, top in ranges.tops.items():
        if name in done:
            continue
        if time.monotonic() > end:
            return None
        for factor in FACTORS:
            tried = replace(now, tops={**now.tops, name: rounded(top * factor)})
            error = _error(folder, tried, clips, true)
            if error < least:
                now, least = tried, error
        done[name] = now.tops[name]
        path.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")
        print(name, round(done[name] / top, 3), least, flush=True)
    return now


def _error(
    folder: ModelFolder, ranges: Int8Ranges, clips: Sequence[npt.NDArray[np.uint8]], true: npt.NDArray[np.float32]
) -> float:
    """The mean distance to features in fp32, as a share of their length."""
    with opened(folder, "auto", ranges) as engine:
        found = features(engine, clips)
    return float(np.mean(np.linalg.norm(found - true, axis=1) / np.linalg.norm(true, axis=1)))
