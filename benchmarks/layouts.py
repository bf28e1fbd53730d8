"""What each form of a backbone is worth on a processor: `python benchmarks/layouts.py OUT.json [--model NAME=FOLDER]`.

Each form is compiled as the engine compiles it and run in turns with the graph as it stands, on the same clips. Taken
by the engine where it pays: pixels in pairs, rows before frames. Tried, and not taken: the 1 x 1 x 1 convolutions of a
block as one, pools of 3 x 3 x 3 in two steps, four clips at a time. The bundled model is measured, and every folder
that is named. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from videobert.base.cpu_threads import processors
from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core
from videobert.bench.environment import environment
from videobert.bench.noise import NoiseProbe
from videobert.engines.openvino_engine import multiplies_bf16, multiplies_int8
from videobert.engines.openvino_first_convolution import first_of_clips
from videobert.engines.openvino_int8 import quantise
from videobert.engines.openvino_layout import AS_GIVEN, Layout, take_clips
from videobert.engines.openvino_nodes import constant_of, users_of
from videobert.engines.openvino_pixel_pairs import pair_pixels
from videobert.engines.openvino_rows_first import put_rows_first
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.int8_file import int8_model, int8_of_auto
from videobert.model.stage_lists import BACKBONE

SECONDS, FEWEST, MOST = 4.0, 9, 201
AT_ONCE = 4
# A convolution over time is taken for a large one whatever it reads.
_ANY_SIZE = 1 << 40


class Form(NamedTuple):
    """A compiled backbone: how it takes clips, and how many at a time."""

    request: Any
    layout: Layout
    clips: int

    def run(self, clips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """The features of `AT_ONCE` clips."""
        parts = np.split(clips, len(clips) // self.clips)
        found = [self.request.infer({0: self.layout.clips(part)}, share_inputs=True)[0].copy() for part in parts]
        return np.concatenate(found)


def laid_out(*, pairs: bool, rows_first: bool) -> Callable[[Any], Layout]:
    """Forms that the engine knows, without its rules of where they pay."""

    def change(model: Any) -> Layout:
        first = first_of_clips(model)
        if first is None:
            return AS_GIVEN
        layout = Layout(
            pairs=pairs and pair_pixels(first), rows_first=rows_first and put_rows_first(first.node, _ANY_SIZE)
        )
        take_clips(model, first, layout)
        return layout

    return change


def merged(model: Any) -> Layout:
    """The convolutions of 1 x 1 x 1 that see the same value become one, whose channels are parted behind it."""
    opset = openvino_library().opset13
    together: dict[str, list[Any]] = defaultdict(list)
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Convolution" and list(node.input(1).get_shape())[2:] == [1, 1, 1]:
            together[node.input_value(0).get_node().get_name()].append(node)
    for nodes in together.values():
        weights = [constant_of(node, 1) for node in nodes]
        if len(nodes) < 2 or any(weight is None for weight in weights):
            continue
        normed = [users_of(node.output(0))[0].get_node() for node in nodes]
        ends = [users_of(node.output(0))[0].get_node() for node in normed]
        weight = opset.constant(np.concatenate([np.asarray(each, np.float32) for each in weights]))
        ones, zeros = [1, 1, 1], [0, 0, 0]
        one = opset.convolution(nodes[0].input_value(0), weight, ones, zeros, zeros, ones)
        sides = [np.concatenate([np.asarray(constant_of(node, place)) for node in normed]) for place in range(1, 5)]
        one = opset.batch_norm_inference(one, *map(opset.constant, sides), normed[0].get_attributes()["epsilon"])
        sizes = opset.constant(np.array([int(node.input(1).get_shape()[0]) for node in nodes], np.int64))
        parts = opset.variadic_split(opset.relu(one), opset.constant(np.int64(1)), sizes)
        for place, end in enumerate(ends):
            for user in users_of(end.output(0)):
                user.replace_source_output(parts.output(place))
    model.validate_nodes_and_infer_types()
    return AS_GIVEN


def stepped_pools(model: Any) -> Layout:
    """Pools of 3 x 3 x 3 become one over the picture and one over time."""
    opset = openvino_library().opset13
    for node in model.get_ordered_ops():
        if node.get_type_name() != "MaxPool" or node.get_attributes()["kernel"] != [3, 3, 3]:
            continue
        said, value = node.get_attributes(), node.input_value(0)
        for axes in ((1, 2), (0,)):

            def here(name: str, other: int, axes: tuple[int, ...] = axes, said: Any = said) -> list[int]:
                return [said[name][axis] if axis in axes else other for axis in range(3)]

            steps = here("strides", 1), [1, 1, 1], here("pads_begin", 0), here("pads_end", 0), here("kernel", 1)
            value = opset.max_pool(value, *steps, said["rounding_type"], "explicit", "i64", 0).output(0)
        for user in users_of(node.output(0)):
            user.replace_source_output(value)
    model.validate_nodes_and_infer_types()
    return AS_GIVEN


FORMS: dict[str, tuple[Callable[[Any], Layout], int]] = {
    "as given": (lambda _: AS_GIVEN, 1),
    "pairs": (laid_out(pairs=True, rows_first=False), 1),
    "rows_first": (laid_out(pairs=False, rows_first=True), 1),
    "pairs_and_rows_first": (laid_out(pairs=True, rows_first=True), 1),
    "merged": (merged, 1),
    "stepped_pools": (stepped_pools, 1),
    "four_clips": (lambda _: AS_GIVEN, AT_ONCE),
}
# Ranges of 8-bit values belong to nodes that these take away.
_NOT_INT8 = ("merged",)


def compiled(folder: ModelFolder, precision: str, change: Callable[[Any], Layout], clips: int) -> Form:
    """One form of a folder's backbone."""
    name = portable_graph(BACKBONE)
    model = openvino_core().read_model(folder.read(name))
    frames, side = folder.recipe.frames, folder.recipe.crop
    model.reshape([clips, frames, side, side, 3])
    layout = change(model)
    if precision == "int8":
        known = int8_of_auto(folder) or int8_model(folder)
        quantise(model, known.stages[BACKBONE], name)
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32" if precision == "fp32" or not multiplies_bf16() else "bf16",
        "INFERENCE_NUM_THREADS": processors(),
    }
    return Form(openvino_core().compile_model(model, "CPU", settings).create_infer_request(), layout, clips)


def measured(folder: ModelFolder, precision: str) -> dict[str, Any]:
    """Milliseconds of a clip in every form, and how many times as fast it is as the graph as given, by pairs."""
    forms = {
        name: compiled(folder, precision, *form)
        for name, form in FORMS.items()
        if precision != "int8" or name not in _NOT_INT8
    }
    shape = (AT_ONCE, folder.recipe.frames, folder.recipe.crop, folder.recipe.crop, 3)
    clips = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    began = time.perf_counter()
    features = {name: form.run(clips) for name, form in forms.items()}
    rounds = max(FEWEST, min(MOST, int(SECONDS * len(forms) / (time.perf_counter() - began))))
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    noise = NoiseProbe()
    for _ in range(rounds):
        noise.look()
        for name, form in forms.items():
            began = time.perf_counter()
            form.run(clips)
            seconds[name].append((time.perf_counter() - began) / AT_ONCE)
    exact = features["as given"]
    told = {
        name: {
            "clip_ms": round(1e3 * statistics.median(times), 3),
            "ratio": round(
                statistics.median(given / here for given, here in zip(seconds["as given"], times, strict=True)), 3
            ),
            "difference_share": float(f"{np.linalg.norm(features[name] - exact) / np.linalg.norm(exact):.2g}"),
        }
        for name, times in seconds.items()
    }
    return {"rounds": rounds, "quiet": noise.found().quiet, "forms": told}


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--int8", action="append", default=[], metavar="NAME=FOLDER", help="one made ready for int8")
    given = parser.parse_args()
    plain = {"shapes": "shapes", **dict(each.split("=", 1) for each in given.model)}
    ready = {**plain, **dict(each.split("=", 1) for each in given.int8)}
    rows: dict[str, dict[str, Any]] = {}
    for name, place in plain.items():
        rows[name] = {}
        for precision in ("fp32", "bf16", "int8"):
            if (precision == "bf16" and not multiplies_bf16()) or (precision == "int8" and not multiplies_int8()):
                continue
            rows[name][precision] = measured(ModelFolder(ready[name] if precision == "int8" else place), precision)
            print(name, precision, rows[name][precision], file=sys.stderr, flush=True)
    result = {"environment": environment("openvino", "numpy"), "models": rows}
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
