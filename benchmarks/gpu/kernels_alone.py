"""The compiled nearest centroid in a process without torch and Triton: prints how many tokens are the CPU's.

Run by the probe `compiled kernels`: `python -m benchmarks.gpu.kernels_alone FOLDER BACK_END`.
"""

from __future__ import annotations

import importlib.abc
import json
import statistics
import sys
import time
from typing import Any, Final

import numpy as np

ROWS: Final = (1, 7, 64, 1000)
_REPEATS: Final = 50


class _Unimportable(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.split(".")[0] in {"torch", "triton"}:
            raise ImportError(f"{name} is not to be used here")


def main(place: str, back_end: str) -> dict[str, Any]:
    """For each number of rows, the tokens that equal the CPU's, from both searches, and the time of one call."""
    from videobert.cuda.choice import open_driver
    from videobert.cuda.nearest import CudaNearest
    from videobert.engines.tensorrt.model_kernels import open_model_kernels
    from videobert.model.folder import ModelFolder
    from videobert.visual.codebook import Assignment, Codebook

    folder = ModelFolder(place)
    codebook = Codebook.load(folder.path("codebook.safetensors"))
    driver = open_driver(back_end)
    library = open_model_kernels(folder, driver, trusted=True)
    found: dict[str, Any] = {"back_end": driver.name, "device": driver.device_name}
    methods: tuple[Assignment, ...] = ("flat", "tree")
    for method in methods:
        nearest = CudaNearest(driver, library, codebook.hash, method)
        for rows in ROWS:
            random = np.random.default_rng(rows)
            features = codebook.leaves[random.integers(len(codebook), size=rows)]
            features = features + random.normal(size=features.shape).astype(np.float32) * codebook.leaves.std()
            wanted, distances = codebook.assign(features, method)
            ids, measured = nearest.assign(features)
            row = {"equal": int((ids == wanted).sum()), "distance_error": float(np.abs(measured - distances).max())}
            if row["equal"] != rows:
                found[f"{method} {rows}"] = row | {"parity": f"{row['equal']} of {rows} tokens are the CPU's"}
                continue
            seconds = []
            for _ in range(_REPEATS):
                started_s = time.perf_counter()
                nearest.assign(features)
                seconds.append(time.perf_counter() - started_s)
            call_us = round(statistics.median(seconds) * 1e6, 1)
            found[f"{method} {rows}"] = row | {"parity": "good", "call_us": call_us}
    driver.close()
    return found


if __name__ == "__main__":
    sys.meta_path.insert(0, _Unimportable())
    print(json.dumps(main(*sys.argv[1:])))
