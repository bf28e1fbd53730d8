"""`videobert build`: the graphs and the manifest of a model folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from videobert.atomic import write_atomically
from videobert.errors import ModelError, UsageError
from videobert.model_folder import own_place
from videobert.recipe import Recipe
from videobert_modeling.export.graphs import Graph, graphs_of
from videobert_modeling.export.manifest import model_files, write_manifest
from videobert_modeling.export.onnx_file import to_onnx
from videobert_modeling.export.parity import Parity, Reference, onnxruntime_runner, openvino_runner
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
    folder: Path, out: Path | None = None, on_progress: Progress | None = None
) -> tuple[ExportedGraph, ...]:
    """Export every graph of a model folder, check each in onnxruntime and OpenVINO, and write the manifest.

    Nothing is written before every graph has passed. The same folder gives the same bytes.

    Args:
        folder: holds config.json, recipe.json and model.safetensors at least.
        out: where the finished folder goes, with a copy of the other files; by default graphs and manifest are
            written into `folder` itself.
        on_progress: called with the step's name, steps done and steps in all.

    Raises:
        ModelError: a file of the folder is missing, damaged or does not fit the others.
        UsageError: `out` cannot be used.
    """
    recipe = _read_recipe(folder / "recipe.json")
    backbone, model = load_weights(folder)
    others = [name for name in model_files(folder) if not name.startswith(f"{_GRAPHS}/")]
    target = folder if out is None else _prepared(folder, out)
    place = own_place(target, _GRAPHS)
    graphs = list(graphs_of(backbone, model, recipe))
    contents: dict[str, bytes] = {}
    exported = []
    for done, graph in enumerate(graphs):
        if on_progress:
            on_progress(graph.name, done, len(graphs))
        contents[graph.name] = to_onnx(graph)
        exported.append(_checked(graph, contents[graph.name]))
    if on_progress:
        on_progress("manifest", len(graphs), len(graphs))
    if target.resolve() != folder.resolve():
        _copy(others, folder, target)
    _write_graphs(contents, place)
    write_manifest(target)
    return tuple(exported)


def _checked(graph: Graph, content: bytes) -> ExportedGraph:
    reference = Reference(graph)
    return ExportedGraph(
        name=graph.name,
        size_bytes=len(content),
        onnxruntime=reference.check("onnxruntime", onnxruntime_runner(content)),
        openvino=reference.check("OpenVINO", openvino_runner(content)),
    )


def _read_recipe(path: Path) -> Recipe:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path.name} cannot be read", seen=str(error), fix="Check that the model folder is complete."
        ) from error
    return Recipe.from_json(fields)


def _prepared(folder: Path, out: Path) -> Path:
    inside = out.resolve() != folder.resolve() and out.resolve().is_relative_to(folder.resolve())
    if inside or (out.exists() and not out.is_dir()):
        raise UsageError(
            "the graphs cannot be written there",
            seen=str(out),
            allowed="a folder outside the model folder, which need not exist yet",
            fix="Pass another --out.",
        )
    return out


def _copy(names: list[str], folder: Path, target: Path) -> None:
    for name in names:
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / name, place)


def _write_graphs(contents: dict[str, bytes], place: Path) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for old in place.glob("*.onnx"):
        if old.stem not in contents:
            old.unlink()
    for name, content in contents.items():
        write_atomically(place / f"{name}.onnx", lambda path, content=content: path.write_bytes(content))  # type: ignore[misc]
