"""Graphs for engines that take their types from the graph: written beside the portable ones, with the same weights."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from onnx import ModelProto

from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError
from videobert.families.quantisation_check import check_judgeable
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder, own_place
from videobert.model.graph_files import graph_file
from videobert.model.kept_layers import KeptLayers
from videobert.model.manifest import write_manifest
from videobert.model.precision import FLOAT_PRECISIONS, GRAPH_PRECISIONS, QUANTISED
from videobert.model.stage_lists import NEAREST, nearest, stages_with_lengths
from videobert_modeling.export.low_precision.candidates import nearest_graph
from videobert_modeling.export.low_precision.lowered import lowered
from videobert_modeling.export.low_precision.masked import masked
from videobert_modeling.export.low_precision.quantised_graphs import quantised_stages
from videobert_modeling.export.low_precision.shared_weights import sharing
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.parity import Parity, Reference, RunAll, onnxruntime_outputs
from videobert_modeling.models import load_weights

Progress = Callable[[str, int, int], None]
# onnxruntime has no bf16 arithmetic on CPUs; a bf16 graph is the fp16 one with another type in its casts.
_CHECKED = {"fp32": torch.float32, "fp16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineGraph:
    """One file that was written.

    Args:
        name: relative to the model folder.
        parity: in onnxruntime against torch; None for bf16 and for graphs without weights.
        agreement: of an int8 or fp8 graph: share of masked positions whose best candidate is the portable graphs'.
    """

    name: str
    size_bytes: int
    parity: Parity | None
    agreement: float | None = None


def export_engine_graphs(
    folder: Path, *precisions: str, keep: KeptLayers | None = None, on_progress: Progress | None = None
) -> tuple[EngineGraph, ...]:
    """Write the engine graphs of a model folder that has its portable graphs and weights, and its manifest anew.

    Each is made from the portable file and points into it for weights, so a precision costs kilobytes. Nothing is
    written before every graph has passed.

    Args:
        precisions: of `"fp32"`, `"fp16"`, `"bf16"`, `"int8"` and `"fp8"`; the first three if none is given. The last
            two are judged by the agreement of answers, see `quantised_stages`, and bring the fp16 graphs with them.
        keep: layers that stay in float32, of int8 and fp8 in fp16; None for those that always do.

    Raises:
        InputError: an unknown precision, or int8 or fp8 of a model that has no encoder.
        ModelError: a file of the folder is missing or damaged.
        VideoBertError: a graph does not compute what the model computes.
    """
    for precision in precisions:
        if precision not in GRAPH_PRECISIONS:
            raise InputError("this precision is not known", seen=precision, allowed=", ".join(GRAPH_PRECISIONS))
    quantised = [precision for precision in dict.fromkeys(precisions) if precision in QUANTISED]
    plain = [precision for precision in dict.fromkeys(precisions) if precision in FLOAT_PRECISIONS]
    if quantised and "fp16" not in plain:
        plain.append("fp16")
    plain = plain or list(FLOAT_PRECISIONS)
    opened = ModelFolder(folder)
    for precision in quantised:
        check_judgeable(opened.config, precision)
    backbone, model = load_weights(folder)
    contents: dict[str, bytes] = {}
    reports = []
    graphs = list(graphs_of(backbone, model, opened.recipe))
    for done, graph in enumerate(graphs):
        if on_progress:
            on_progress(graph.name, done, len(graphs))
        portable = opened.read(f"graphs/{graph.name}.onnx")
        for precision in plain:
            files = dict(
                variants(graph.name, precision, portable, frozenset() if keep is None else keep.of(graph.name))
            )
            contents |= files
            dtype = _CHECKED.get(precision)
            reference = Reference(graph, dtype) if dtype and files else None
            for name, content in files.items():
                parity = None
                if reference is not None:
                    parity = reference.check("onnxruntime", beside(portable, graph.name, content))
                reports.append(EngineGraph(name=name, size_bytes=len(content), parity=parity))
    for kind in quantised:
        for stage in quantised_stages(opened, kind, keep):  # type: ignore[arg-type]
            contents |= stage.files
            reports += [
                EngineGraph(name=name, size_bytes=len(content), parity=None, agreement=stage.agreement)
                for name, content in stage.files.items()
            ]
    for name, content in nearest_files(opened.config).items():
        contents[name] = content
        reports.append(EngineGraph(name=name, size_bytes=len(content), parity=None))
    write_graphs(folder, contents)
    return tuple(reports)


def variants(
    stage: str, precision: str, portable: bytes, keep: frozenset[str] = frozenset()
) -> Iterator[tuple[str, bytes]]:
    """The files that a portable graph gives in one precision: name in the folder and content.

    For a stage with attention a graph with lengths and one with a mask. Nodes named in `keep` stay in float32.
    """
    source = onnx.load_from_string(portable)
    for name, model in _models(stage, precision, source, keep):
        yield name, sharing(model, f"{stage}.onnx", portable)


def nearest_files(config: ModelConfig) -> dict[str, bytes]:
    """The tokenisation graphs, which have no weights."""
    return {
        graph_file(NEAREST, precision, mask=False).name: nearest_graph(
            nearest(config), half=precision == "fp16"
        ).SerializeToString(deterministic=True)
        for precision in ("fp32", "fp16")
    }


def beside(portable: bytes, stage: str, content: bytes) -> RunAll:
    """Runs a graph in onnxruntime beside the portable graph that holds its weights."""
    with tempfile.TemporaryDirectory(prefix="videobert-export-") as place:
        Path(place, f"{stage}.onnx").write_bytes(portable)
        path = Path(place, "variant.onnx")
        path.write_bytes(content)
        # The session has read everything when it is made.
        return onnxruntime_outputs(path)


def write_graphs(folder: Path, contents: dict[str, bytes]) -> None:
    """Put files into the folder, and its manifest anew."""
    own_place(folder, "graphs")
    for name, content in contents.items():
        write_atomically(folder / name, lambda path, content=content: path.write_bytes(content))  # type: ignore[misc]
    write_manifest(folder)


def _models(stage: str, precision: str, source: ModelProto, keep: frozenset[str]) -> Iterator[tuple[str, ModelProto]]:
    def low(model: ModelProto) -> ModelProto:
        return model if precision == "fp32" else lowered(model, precision, keep)  # type: ignore[arg-type]

    if precision != "fp32":
        yield graph_file(stage, precision, mask=False).name, low(source)
    if stage in stages_with_lengths():
        yield graph_file(stage, precision, mask=True).name, low(masked(source))
