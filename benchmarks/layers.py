"""Where the time of a backbone goes, against the roofs of the machine: `python benchmarks/layers.py OUT.json`.

OpenVINO times each node of the graph as it runs it. Nodes of a kind are summed: convolutions by the size of their
kernel, other nodes by their type. What a kind must do at least, its products at the machine's plain matrix product, and
its inputs, outputs and weights at the machine's plain copy, is its floor. --model takes a folder; the default is S3D on
30 x 224 x 224 with random weights, made as for the peers. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.peers.case import Setting
from benchmarks.peers.models import folder_of
from videobert.base.openvino_core import openvino_core
from videobert.bench.environment import environment
from videobert.bench.roofs import roofs_of_cpu
from videobert.engines.openvino_layout import lay_out
from videobert.model.folder import ModelFolder

RUNS = 15
_BYTES = 2  # of a value in bf16


def kind_of(node: Any) -> str:
    """`1x3x3 convolution` or the node's type."""
    if node.get_type_name() != "Convolution":
        return str(node.get_type_name())
    return "x".join(map(str, node.input(1).get_shape()[2:])) + " convolution"


def flops_of(node: Any) -> float:
    """Multiplications and additions of a convolution; nothing else counts."""
    if node.get_type_name() != "Convolution":
        return 0.0
    return 2.0 * float(np.prod(node.output(0).get_shape())) * float(np.prod(node.input(1).get_shape()[1:]))


def bytes_of(node: Any) -> float:
    """What goes in and comes out, once each."""
    sizes = [each.get_shape() for each in (*node.inputs(), *node.outputs()) if not each.get_partial_shape().is_dynamic]
    return _BYTES * float(sum(np.prod(list(size)) for size in sizes))


def product_of(node: Any) -> Any:
    """The convolution that a node belongs to: itself, or what normalisation and activation stand behind."""
    while node.get_type_name() in ("Relu", "BatchNormInference"):
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "Convolution" else None


def measured(graph: Path, flops_per_s: float, bytes_per_s: float) -> tuple[list[dict[str, Any]], float]:
    """Rows of kinds, the one that takes most first, and the milliseconds of all."""
    core = openvino_core()
    model, plain = core.read_model(graph), core.read_model(graph)
    shape = [1 if dimension.is_dynamic else dimension.get_length() for dimension in model.input(0).get_partial_shape()]
    for each in (model, plain):
        each.reshape({each.input(0): shape})
    layout = lay_out(model, _BYTES)
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "bf16", "PERF_COUNT": "YES"}
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    clip = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    taken: dict[str, list[float]] = defaultdict(list)
    types: dict[str, str] = {}
    for run in range(RUNS + 3):
        request.infer({0: layout.clips(clip)})
        if run < 3:
            continue
        for info in request.profiling_info:
            taken[info.node_name].append(info.real_time.total_seconds())
            types[info.node_name] = info.node_type
    # What has to be computed does not depend on how the engine lays it out.
    nodes = {node.get_friendly_name(): node for node in plain.get_ops()}
    for node in compiled.get_runtime_model().get_ops():
        # What OpenVINO made one of several goes by a name of its own; the product among them tells what it costs.
        made_of = str(node.get_rt_info()["originalLayersNames"].astype(str)).split(",")
        product = next(filter(None, (product_of(nodes[each]) for each in made_of if each in nodes)), None)
        if product is not None:
            nodes[node.get_friendly_name()] = product
    rows: dict[str, dict[str, float]] = defaultdict(lambda: {"nodes": 0, "s": 0.0, "flops": 0.0, "bytes": 0.0})
    for name, times in taken.items():
        seconds = statistics.median(times)
        if not seconds:
            continue
        node = nodes.get(name)
        row = rows[types[name] if node is None else kind_of(node)]
        row["nodes"] += 1
        row["s"] += seconds
        if node is not None:
            row["flops"] += flops_of(node)
            row["bytes"] += bytes_of(node)
    whole = sum(row["s"] for row in rows.values())
    told = []
    for kind, row in sorted(rows.items(), key=lambda each: -each[1]["s"]):
        floor = max(row["flops"] / flops_per_s, row["bytes"] / bytes_per_s)
        told.append(
            {
                "kind": kind,
                "nodes": row["nodes"],
                "ms": round(1e3 * row["s"], 2),
                "share": round(row["s"] / whole, 3),
                "flop": round(row["flops"]),
                "flop_per_s": round(row["flops"] / row["s"]),
                "share_of_roof": round(row["flops"] / row["s"] / flops_per_s, 2),
                "bytes": round(row["bytes"]),
                "floor_ms": round(1e3 * floor, 2),
            }
        )
    return told, 1e3 * whole


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--scratch", type=Path, default=Path(__file__).parents[1] / "build" / "peers")
    given = parser.parse_args()
    setting = Setting(tiny=False, scratch=given.scratch, models=None, threads=0)
    folder = folder_of("paper", setting) if given.model is None else ModelFolder(given.model)
    roofs = roofs_of_cpu()
    if "bf16" not in roofs.flops_per_s:
        raise SystemExit("this processor multiplies nothing in bf16")
    rows, whole_ms = measured(folder.path("graphs/backbone.onnx"), roofs.flops_per_s["bf16"], roofs.bytes_per_s)
    result = {
        "environment": environment("openvino", "numpy"),
        "what": "one clip through the backbone in bf16, medians of the nodes' times as OpenVINO tells them",
        "roof_flop_per_s": round(roofs.flops_per_s["bf16"]),
        "roof_bytes_per_s": round(roofs.bytes_per_s),
        "whole_ms": round(whole_ms, 1),
        "flop": sum(row["flop"] for row in rows),
        "floor_ms": round(sum(row["floor_ms"] for row in rows), 1),
        "kinds": rows,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
