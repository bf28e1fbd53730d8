"""`videobert build`: a model folder's weights as graphs, and the graphs compiled for this machine or a target."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from videobert.base.errors import ModelError, UsageError
from videobert.cli.build.job import TargetJob
from videobert.cli.build.targets import build_targets
from videobert.cli.build.this_machine import build_here
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.stdout import print_json, print_row
from videobert.cuda.kernel_targets import KERNEL_TARGETS
from videobert.model.exact_margin import LEAST_EXACT_CLIPS
from videobert.model.folder import find
from videobert.model.int8_file import LEAST_INT8_CLIPS
from videobert.model.kept_layers import read_kept_layers
from videobert.model.mending import check_written
from videobert.model.precision import GRAPH_PRECISIONS
from videobert.report.times import elapsed

_PRECISIONS = f"{', '.join(GRAPH_PRECISIONS[:-1])} or {GRAPH_PRECISIONS[-1]}"


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
            help=f"With --target: {_PRECISIONS}. Without: int8, which makes the backbone ready for it on --clips.",
            show_default=False,
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
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--clips",
            metavar="VIDEO",
            help="Measure on the clips of this video, or folder of videos, how near to a tie a clip must lie for "
            f"--precision exact to compute it again ({LEAST_EXACT_CLIPS} whole clips or more), or with --precision "
            f"int8 the ranges of values ({LEAST_INT8_CLIPS} or more); may be repeated.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            metavar="FILE",
            help="With --precision: layers that stay in a higher one, as videobert compare --layers writes them.",
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
    options: CommonOptions,
) -> None:
    """Export a model folder's weights to ONNX graphs and compile them for this machine, or build engines for a target.

    Without torch (videobert[build]), and in a bundled model or one of `videobert get`, which are not written to, the
    graphs that are there are compiled, so that the first use of the model is quick. Of a folder without a codebook the
    text side is built.

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
    if out is not None:
        check_written(out, fix="Pass another --out.")
    if trust_engines and "triton-server" not in (target or ()):
        raise UsageError("--trust-engines belongs to --target triton-server", fix="Leave it out.")
    if keep is not None and (precision is None or (not target and not clips)):
        raise UsageError("--keep belongs to --precision", seen=str(keep), fix="Say which precision is to be built.")
    kept = None if keep is None else read_kept_layers(keep)
    if target and clips:
        raise UsageError("--clips does not belong to --target", fix="Build without a target, then for the target.")
    if target:
        capabilities = None if sm is None else tuple(part.strip() for part in sm.split(","))
        jobs = [
            TargetJob(
                folder=root,
                out=out,
                target=name,
                precision=precision,
                capabilities=capabilities,
                trust_engines=trust_engines,
                keep=kept,
                options=options,
            )
            for name in dict.fromkeys(target)
        ]
        _build_targets(jobs, str(out or root), options)
        return
    if sm is not None or precision not in (None, "int8"):
        raise UsageError(
            "--precision and --sm belong to --target",
            seen=" ".join(f"{name} {value}" for name, value in (("--precision", precision), ("--sm", sm)) if value),
            fix="Give a --target too.",
        )
    if precision is not None and not clips:
        raise UsageError(
            "int8 without a --target is made on clips",
            seen="--precision int8",
            fix="Give videos like those that the model is for, with --clips VIDEO.",
        )
    built = build_here(root, out, options, clips=clips or (), int8=precision == "int8", keep=kept)
    if options.json:
        print_json(built)
        return
    for graph in built.graphs:
        print_row(graph["name"], f"{graph['size_bytes']} bytes", f"error {graph['error']:.2g}")
    if built.exact is not None:
        said = f"{built.exact.again:.1%} of {built.exact.clips} clips are computed again"
        print_row("precision exact", said, f"{built.exact.left:.2%} of tokens may differ from fp32")
    if built.int8 is not None:
        judged = built.int8
        said = f"{judged.same} of {judged.clips} clips have the token of fp32"
        print_row("precision int8", said, f"{judged.sure_same} of {judged.sure} that are not near a tie")
    print_row(built.folder, f"compiled in {elapsed(built.compile_s)}")


def _build_targets(jobs: list[TargetJob], folder: str, options: CommonOptions) -> None:
    started_s = time.perf_counter()
    built = build_targets(jobs)
    total_s = time.perf_counter() - started_s
    targets = [job.target for job in jobs]
    if options.json:
        print_json({"folder": folder, "targets": targets, "built": built, "total_s": total_s})
        return
    for row in built:
        print_row(f"{row['target']}/{row['name']}", f"{row['size_bytes']} bytes", row["summary"])
    print_row(folder, f"{', '.join(targets)} in {elapsed(total_s)}")
