"""`videobert build`: a model folder's weights as graphs, and the graphs compiled for this machine or a target."""

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
from videobert.cli.targets import TargetJob, builder_of
from videobert.errors import EngineUnavailable, InputError
from videobert.model_folder import find
from videobert.report.times import elapsed


@command
def build(
    folder: Annotated[Path, typer.Argument(help="A model folder.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where to put it; in place if not given.", show_default=False),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="Build engines: tensorrt-rtx (on any machine) or tensorrt (where its GPU is).",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="With --target: fp16, bf16, fp32, int8 or fp8.", show_default=False),
    ] = None,
    sm: Annotated[
        str | None,
        typer.Option(
            metavar="8.6,12.0",
            help="With --target: compute capabilities to build for; all if not given.",
            show_default=False,
        ),
    ] = None,
    *,
    options: TalkOptions,
) -> None:
    """Export a model folder's weights to ONNX graphs and compile them for this machine, or build engines for a target.

    Without torch, graphs that are already exported are compiled, so that the first use of the model is quick.
    """
    if target is not None:
        _build_target(
            TargetJob(
                folder=find(str(folder)),
                out=out,
                target=target,
                precision=precision,
                capabilities=None if sm is None else tuple(part.strip() for part in sm.split(",")),
                options=options,
            )
        )
        return
    if precision is not None or sm is not None:
        raise InputError("--precision and --sm belong to --target", fix="Give a --target too.")
    if not folder.is_dir():
        raise InputError("this is not a model folder", seen=str(folder), fix="Check the path.")
    graphs: list[dict[str, Any]] = []
    try:
        graphs = export_graphs(folder, out, options)
    except EngineUnavailable as error:
        if out is not None or not (folder / "manifest.json").is_file():
            raise
        note(f"note: {error.what}: the graphs that are there are compiled as they are", options)
    built = out or folder
    with waiting("compiling for this machine", options):
        started_s = time.perf_counter()
        with videobert.load(str(built)) as model:
            model.warmup()
        compile_s = time.perf_counter() - started_s
    if options.json:
        print_json({"folder": str(built), "graphs": graphs, "compile_s": compile_s})
        return
    for graph in graphs:
        print_row(graph["name"], f"{graph['size_bytes']} bytes", f"error {graph['error']:.2g}")
    print_row(built, f"compiled in {elapsed(compile_s)}")


def _build_target(job: TargetJob) -> None:
    started_s = time.perf_counter()
    built = builder_of(job.target)(job)
    total_s = time.perf_counter() - started_s
    if job.options.json:
        print_json({"folder": str(job.out or job.folder), "target": job.target, "built": built, "total_s": total_s})
        return
    for row in built:
        print_row(row["name"], f"{row['size_bytes']} bytes", row["summary"])
    print_row(job.out or job.folder, f"{job.target} in {elapsed(total_s)}")


def export_graphs(folder: Path, out: Path | None, options: TalkOptions) -> list[dict[str, Any]]:
    """Export the portable graphs.

    Raises:
        EngineUnavailable: torch or another library of the modeling side is missing.
    """
    with modeling("build", "build"):
        from videobert_modeling.export import export_folder

        with steps("exporting", options) as on_progress:
            exported = export_folder(folder, out, on_progress=on_progress)
    return [{"name": graph.name, "size_bytes": graph.size_bytes, "error": graph.openvino.error} for graph in exported]


def export_engine_graphs(folder: Path, precision: str, options: TalkOptions) -> None:
    """Export the graphs that engines of one precision are built from.

    Raises:
        EngineUnavailable: torch or another library of the modeling side is missing.
    """
    with modeling("build", "build"):
        from videobert_modeling.export import export_engine_graphs as export

        with steps(f"exporting {precision}", options) as on_progress:
            export(folder, precision, on_progress=on_progress)
