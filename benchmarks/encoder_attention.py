"""What self-attention with fewer kernels is worth to encoders: `python benchmarks/encoder_attention.py OUT.json`.

The graph as given and as the engine changes it are compiled in bf16, or in fp32 with --precision, and asked the same in
turns; so is the graph as given, compiled for calls of that one size alone. Their states are held against those of the
graph as given in fp32: where the error is more than twice as large, no speed is written. --model adds a folder with a
stage of it and sizes of calls, as in `everyday=FOLDER:text_encoder:1x8,32x16`. Run it on a machine that does nothing
else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from videobert.base.openvino_core import openvino_core
from videobert.bench.environment import environment
from videobert.bench.noise import NoiseProbe
from videobert.engines.openvino_attention import simplify_self_attention
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph

Array = npt.NDArray[Any]
TURN_S, ROUNDS = 0.1, 31
_HINTS = {"bf16": "bf16", "fp32": "f32"}


def inputs_of(folder: ModelFolder, rows: int, places: int) -> dict[str, Array]:
    """Words at random, every sequence as long as the call."""
    ids = np.random.default_rng(rows * places).integers(5, folder.config.words, (rows, places))
    return {"ids": ids, "segments": np.zeros_like(ids), "lengths": np.full(rows, places)}


def request_of(content: bytes, hint: str, *, fewer: bool, shapes: dict[str, list[int]] | None = None) -> Any:
    """An infer request of the graph as given, or with fewer kernels; for calls of any size, or of these shapes."""
    model = openvino_core().read_model(content)
    if shapes:
        model.reshape(shapes)
    if fewer and not simplify_self_attention(model):
        raise ValueError("this graph has no self-attention that is known")
    settings = {"INFERENCE_PRECISION_HINT": hint, "PERFORMANCE_HINT": "LATENCY"}
    return openvino_core().compile_model(model, "CPU", settings).create_infer_request()


def measured(
    folder: ModelFolder, stage: str, sizes: list[tuple[int, int]], precision: Literal["bf16", "fp32"]
) -> dict[str, Any]:
    """For each size milliseconds, how many times as fast fewer kernels are, and how far all are from fp32."""
    content = folder.read(portable_graph(stage))  # type: ignore[arg-type]
    exact = request_of(content, "f32", fewer=False)
    hint = _HINTS[precision]
    any_size = {name: request_of(content, hint, fewer=name == "fewer") for name in ("given", "fewer")}
    names = {name for value in exact.model_inputs for name in value.names}
    found: dict[str, Any] = {}
    for rows, places in sizes:
        inputs = {name: value for name, value in inputs_of(folder, rows, places).items() if name in names}
        shapes = {name: list(value.shape) for name, value in inputs.items()}
        ways = any_size | {"given_fixed": request_of(content, hint, fewer=False, shapes=shapes)}
        true = np.array(exact.infer(inputs)[0])
        errors = {name: float(_error(np.array(way.infer(inputs)[0]), true)) for name, way in ways.items()}
        if errors["fewer"] > 2 * max(errors["given"], 1e-6):
            found[f"{rows}x{places}"] = {"errors_share": errors}
            continue
        began = time.perf_counter()
        ways["given"].infer(inputs)
        calls = max(1, round(TURN_S / (time.perf_counter() - began)))
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        noise = NoiseProbe()
        for _ in range(ROUNDS):
            noise.look()
            for name, way in ways.items():
                began = time.perf_counter()
                for _ in range(calls):
                    way.infer(inputs)
                seconds[name].append((time.perf_counter() - began) / calls)
        ratios = {
            f"ratio_to_{name}": statistics.median(a / b for a, b in zip(each, seconds["fewer"], strict=True))
            for name, each in seconds.items()
            if name != "fewer"
        }
        medians = {f"{name}_ms": 1000 * statistics.median(each) for name, each in seconds.items()}
        found[f"{rows}x{places}"] = {"errors_share": errors, **medians, **ratios, "quiet": noise.found().quiet}
    return found


def _error(states: Array, true: Array) -> float:
    return float(np.linalg.norm(states - true) / np.linalg.norm(true))


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER:STAGE:SIZES")
    parser.add_argument("--precision", choices=list(_HINTS), default="bf16")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for each in ["shapes=shapes:encoder:1x8,24x7", *given.model]:
        name, _, rest = each.partition("=")
        folder, stage, sizes = rest.rsplit(":", 2)
        calls = [(int(rows), int(places)) for rows, places in (size.split("x") for size in sizes.split(","))]
        found[name] = measured(ModelFolder(folder), stage, calls, given.precision)
        print(name, found[name], file=sys.stderr, flush=True)
    result = {"environment": environment("openvino", "numpy"), "precision": given.precision, "encoders": found}
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
