"""`videobert build`: a model folder's weights as graphs, and the graphs compiled for this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

import videobert
from videobert.cli.door import modeling
from videobert.cli.options import TalkOptions, command
from videobert.cli.output import print_json, print_row
from videobert.cli.talk import note, steps, waiting
from videobert.errors import EngineUnavailable, InputError
from videobert.report.times import elapsed


@command
def build(
    folder: Annotated[Path, typer.Argument(help="A model folder.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where to put it; in place if not given.", show_default=False),
    ] = None,
    *,
    options: TalkOptions,
) -> None:
    """Export a model folder's weights to ONNX graphs and compile them for this machine.

    Without torch, graphs that are already exported are compiled, so that the first use of the model is quick.
    """
    if not folder.is_dir():
        raise InputError("this is not a model folder", seen=str(folder), fix="Check the path.")
    graphs: list[dict[str, Any]] = []
    try:
        graphs = _export(folder, out, options)
    except EngineUnavailable as error:
        if out is not None or not (folder / "manifest.json").is_file():
            raise
        note(f"note: {error.what}: the graphs that are there are compiled as they are", options)
    target = out or folder
    with waiting("compiling for this machine", options):
        started_s = time.perf_counter()
        with videobert.load(str(target)) as model:
            model.warmup()
        compile_s = time.perf_counter() - started_s
    if options.json:
        print_json({"folder": str(target), "graphs": graphs, "compile_s": compile_s})
        return
    for graph in graphs:
        print_row(graph["name"], f"{graph['size_bytes']} bytes", f"error {graph['error']:.2g}")
    print_row(target, f"compiled in {elapsed(compile_s)}")


def _export(folder: Path, out: Path | None, options: TalkOptions) -> list[dict[str, Any]]:
    with modeling("build", "build"):
        from videobert_modeling.export import export_folder

        with steps("exporting", options) as on_progress:
            exported = export_folder(folder, out, on_progress=on_progress)
    return [{"name": graph.name, "size_bytes": graph.size_bytes, "error": graph.openvino.error} for graph in exported]
