"""`videobert build`: a model folder's weights as graphs, and the graphs compiled for this machine or a target."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

import videobert
from videobert.base.errors import EngineUnavailable, ModelError, UsageError
from videobert.cli.build.export import export_graphs
from videobert.cli.build.job import TargetJob
from videobert.cli.build.targets import builder_of
from videobert.cli.output import print_json, print_row
from videobert.cli.parser.options import TalkOptions, command
from videobert.cli.stderr import note, waiting
from videobert.cuda.kernel_targets import KERNEL_TARGETS
from videobert.model.folder import find
from videobert.model.mending import BUNDLED
from videobert.model.precision import GRAPH_PRECISIONS
from videobert.report.times import elapsed


@command
def build(
    folder: Annotated[str, typer.Argument(help="A model folder, or a bundled model's name.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="DIR", help="Where to put it; in place if not given.", show_default=False),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="What to build, may be repeated. Engines: tensorrt-rtx, on any machine, needs "
            "videobert[tensorrt-rtx]; tensorrt, where its GPU is, needs videobert[tensorrt]. A model "
            "repository for NVIDIA Triton Inference Server: triton-server, needs videobert[triton-server]. Kernels for "
            "one kind of GPU, on any machine: "
            f"{', '.join(KERNEL_TARGETS)}, need videobert[build,kernels].",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help=f"With --target: {', '.join(GRAPH_PRECISIONS[:-1])} or {GRAPH_PRECISIONS[-1]}.", show_default=False
        ),
    ] = None,
    sm: Annotated[
        str | None,
        typer.Option(
            metavar="8.6,12.0",
            help="With --target: compute capabilities to build for; all if not given.",
            show_default=False,
        ),
    ] = None,
    trust_engines: Annotated[
        bool,
        typer.Option(
            "--trust-engines",
            help="With --target triton-server: copy TensorRT plans that were built elsewhere; they are code.",
        ),
    ] = False,
    *,
    options: TalkOptions,
) -> None:
    """Export a model folder's weights to ONNX graphs and compile them for this machine, or build engines for a target.

    Without torch (videobert[build]), and in a bundled model, which is not written to, the graphs that are there are
    compiled, so that the first use of the model is quick. Of a folder without a codebook the text side is built.

    Example: videobert build my-model
    """
    root = find(folder)
    if not (root / "config.json").is_file():
        raise ModelError(
            "this is not a model folder",
            seen=folder,
            allowed="a folder with config.json, recipe.json and the weights, or the graphs made of them",
            fix="Make one with `videobert import`, or check the path.",
        )
    if trust_engines and "triton-server" not in (target or ()):
        raise UsageError("--trust-engines belongs to --target triton-server", fix="Leave it out.")
    if target:
        capabilities = None if sm is None else tuple(part.strip() for part in sm.split(","))
        _build_targets(
            [
                TargetJob(
                    folder=root,
                    out=out,
                    target=name,
                    precision=precision,
                    capabilities=capabilities,
                    trust_engines=trust_engines,
                    options=options,
                )
                for name in dict.fromkeys(target)
            ]
        )
        return
    if precision is not None or sm is not None:
        raise UsageError(
            "--precision and --sm belong to --target",
            seen=" ".join(f"{name} {value}" for name, value in (("--precision", precision), ("--sm", sm)) if value),
            fix="Give a --target too.",
        )
    graphs: list[dict[str, Any]] = []
    if out is None and root.is_relative_to(BUNDLED):
        note(
            "note: a bundled model is not written to: its graphs are compiled as they are; --out makes a folder",
            options,
        )
    else:
        try:
            graphs = export_graphs(root, out, options)
        except EngineUnavailable as error:
            if out is not None or not (root / "manifest.json").is_file():
                raise
            note(f"note: {error.what}: the graphs that are there are compiled as they are", options)
    built = out or root
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


def _build_targets(jobs: list[TargetJob]) -> None:
    """All targets, one after the other; a name that is not known stops the first of them before it starts."""
    started_s = time.perf_counter()
    builders = [builder_of(job.target) for job in jobs]
    built = [
        {"target": job.target, **row} for job, build_for in zip(jobs, builders, strict=True) for row in build_for(job)
    ]
    total_s = time.perf_counter() - started_s
    folder, targets = str(jobs[0].out or jobs[0].folder), [job.target for job in jobs]
    if jobs[0].options.json:
        print_json({"folder": folder, "targets": targets, "built": built, "total_s": total_s})
        return
    for row in built:
        print_row(f"{row['target']}/{row['name']}", f"{row['size_bytes']} bytes", row["summary"])
    print_row(folder, f"{', '.join(targets)} in {elapsed(total_s)}")
