"""What models of published sizes cost on a CPU: building the folder, loading it, answering on a 10.5 s 480p clip.

Run as `python benchmarks/published_sizes.py OUT.json` on a machine that does nothing else; it takes some ten minutes,
10 GB of memory and 3 GB of disk. No weights of these sizes are public: those here are random, and time does not depend
on what they hold. `build` holds every graph against torch. Before answers are timed, the tokens and states in the
precision in use are held against float32, states by the rule of twice the error of torch; where they miss it, no speed
is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bundled_speed import CLIP, spread
from published_folder import write_folder

import videobert
from videobert.bench.environment import environment
from videobert.model.config import ModelConfig
from videobert_modeling.models import S3D, VideoBert, configurations

SIZES = (configurations.base(), configurations.large())
RECIPE = videobert.Recipe()
FRESH_LOADS = 5
RUNS = 15
# A process of its own each time: what a user waits for after starting a program.
_FRESH = """
import sys, time
import videobert
folder, cache, clip, runs = sys.argv[1:]
marks = [time.perf_counter()]
with videobert.load(folder, cache_dir=cache) as model:
    marks.append(time.perf_counter())
    for _ in range(1 + int(runs)):
        model.run(clip)
        marks.append(time.perf_counter())
print(*(after - before for before, after in zip(marks, marks[1:])))
"""


def timed(*command: str) -> tuple[str, float, float]:
    """What a program printed, its seconds and its peak of resident memory in GiB."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[:3]} ended with {process.returncode}")
    return said, time.perf_counter() - began, usage.ru_maxrss / 2**20


def parity_with_f32(folder: Path, cache: Path) -> dict[str, Any]:
    """Tokens, and root mean square errors of the vector of text and tokens, relative to its size."""
    text = "a red circle"
    with videobert.load(folder, cache_dir=cache, precision="fp32") as model:
        tokens = model.tokens(CLIP)
        exact = model.embed(tokens, text).vector
    with videobert.load(folder, cache_dir=cache) as model:
        ours, precision = model.embed(tokens, text).vector, model.origin.precision
        match = float(np.mean(model.tokens(CLIP).ids == tokens.ids))
    with videobert.load(folder, engine="torch", precision="bf16") as model:
        rival = model.embed(tokens, text).vector

    def error(vector: np.ndarray) -> float:
        return float(np.linalg.norm(vector - exact) / np.linalg.norm(exact))

    return {
        "precision": precision,
        "token_match_with_f32": match,
        "error": error(ours),
        "torch_bf16_error": error(rival),
        "holds": match >= 0.99 and error(ours) <= 2 * error(rival),
    }


def measure_size(size: ModelConfig, folder: Path) -> dict[str, Any]:
    """Every figure of one size; no speed of answers where the parity check fails."""
    model, cache = folder / size.name, folder / "cache"
    write_folder(size, model, RECIPE)
    _, build_s, build_gib = timed("-m", "videobert", "build", str(model))
    row: dict[str, Any] = {
        "parameters_millions": round(parameters(size) / 1e6, 1),
        "visual_tokens": size.visual_tokens,
        "build_s": round(build_s, 1),
        "build_peak_gib": round(build_gib, 1),
        "graphs_mib": round(sum(path.stat().st_size for path in (model / "graphs").iterdir()) / 2**20),
        "parity": parity_with_f32(model, cache / "parity"),
    }
    if not row["parity"]["holds"]:
        return row

    def fresh(runs: int) -> tuple[list[float], float]:
        said, _, gib = timed("-c", _FRESH, str(model), str(cache / "timed"), str(CLIP), str(runs))
        return [float(seconds) for seconds in said.split()], gib

    (cold, _), _ = fresh(0)
    (_, _, *later), gib = fresh(RUNS)
    loads = [fresh(0)[0] for _ in range(FRESH_LOADS)]
    return row | {
        "load_without_cache_s": round(cold, 1),
        "load": spread([load for load, _ in loads]),
        "first_answer": spread([first for _, first in loads]),
        "later_answer": spread(later),
        "run_peak_gib": round(gib, 1),
    }


def parameters(size: ModelConfig) -> int:
    """Weights of backbone, encoder and heads."""
    with torch.device("meta"):
        parts = S3D(size.backbone.width, size.backbone.feature_dim), VideoBert(size)
    return sum(parameter.numel() for part in parts for parameter in part.parameters())


def measure() -> dict[str, Any]:
    """The environment and a row for each size."""
    results: dict[str, Any] = {"environment": environment("openvino", "av", "numpy", "torch", "onnxruntime")}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            results[size.name] = measure_size(size, Path(folder))
    return results


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
