"""`videobert build`: the graphs and the manifest of a model folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videobert.base.atomic import write_atomically, write_together
from videobert.families.build_check import check_codebook, check_copy_place, check_sizes
from videobert.model.folder import own_place
from videobert.model.manifest import model_files, write_manifest
from videobert.model.stage_lists import stage_specs
from videobert_modeling.base.new_folder import is_free, write_whole
from videobert_modeling.export.portable.graphs import Graph, graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Parity, Reference, onnxruntime_outputs, openvino_outputs
from videobert_modeling.models import load_weights

Progress = Callable[[str, int, int], None]
_GRAPHS = "graphs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedGraph:
    """One graph that was written, and how far it is from torch in each runner (see `parity`)."""

    name: str
    size_bytes: int
    onnxruntime: Parity
    openvino: Parity


def export_folder(
    folder: Path, out: Path | None = None, on_progress: Progress | None = None, *, text_only: bool = False
) -> tuple[ExportedGraph, ...]:
    """Export every graph of a model folder, check each in onnxruntime and OpenVINO, and write the manifest.

    Whether the folder's files fit each other is looked at first, and nothing is written before every graph has passed.
    The same folder gives the same bytes.

    Args:
        folder: holds config.json, recipe.json and model.safetensors at least.
        out: where the finished folder goes, with a copy of the other files; by default graphs and manifest are
            written into `folder` itself.
        on_progress: called with the step's name, steps done and steps in all.
        text_only: only what a text needs, see `StageSpec.of_text`. For a model that has no codebook yet.

    Raises:
        ModelError: a file of the folder is missing, damaged or does not fit the others.
        UsageError: `out` cannot be used.
    """
    config, recipe = check_sizes(folder)
    check_codebook(folder, config, recipe)
    others = [name for name in model_files(folder) if not name.startswith(f"{_GRAPHS}/")]
    if out is not None:
        check_copy_place(folder, out)
    target = folder if out is None else out
    own_place(target, _GRAPHS)
    backbone, model = load_weights(folder)
    of_text = {spec.name for spec in stage_specs(config, recipe) if spec.of_text}
    graphs = [graph for graph in graphs_of(backbone, model, recipe) if not text_only or graph.name in of_text]
    contents: dict[str, bytes] = {}
    exported = []
    for done, graph in enumerate(graphs):
        if on_progress:
            on_progress(graph.name, done, len(graphs))
        contents[graph.name] = to_onnx(graph)
        exported.append(_checked(graph, contents[graph.name]))
    if on_progress:
        on_progress("manifest", len(graphs), len(graphs))

    def finish(place: Path) -> None:
        if place.resolve() != folder.resolve():
            _copy(others, folder, place)
        _write_graphs(contents, place / _GRAPHS)
        write_manifest(place)

    if target.resolve() != folder.resolve() and is_free(target):
        write_whole(target, finish)
    else:
        finish(target)
    return tuple(exported)


def _checked(graph: Graph, content: bytes) -> ExportedGraph:
    reference = Reference(graph)
    return ExportedGraph(
        name=graph.name,
        size_bytes=len(content),
        onnxruntime=reference.check("onnxruntime", onnxruntime_outputs(content)),
        openvino=reference.check("OpenVINO", openvino_outputs(content)),
    )


def _copy(names: list[str], folder: Path, target: Path) -> None:
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(place, lambda new, name=name: shutil.copyfile(folder / name, new))  # type: ignore[misc]


def _write_graphs(contents: dict[str, bytes], place: Path) -> None:
    made = not place.exists()
    place.mkdir(parents=True, exist_ok=True)
    try:
        write_together({place / f"{name}.onnx": content for name, content in contents.items()})
    except BaseException:
        if made and not any(place.iterdir()):
            place.rmdir()
        raise
    for old in place.glob("*.onnx"):
        if old.stem not in contents:
            old.unlink()
