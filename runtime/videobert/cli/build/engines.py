"""`videobert build --target tensorrt-rtx` and `tensorrt`: engines beside the graphs they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videobert.base.errors import UsageError
from videobert.cli.build.job import DEFAULT_PRECISION, TargetJob
from videobert.cli.notes import note
from videobert.cli.progress import step_progress
from videobert.engines.tensorrt.build.engine_folder import BuiltEngine, build_engines, check_job
from videobert.families.quantisation_check import check_judgeable
from videobert.model.compiled_places import copy_folder, folder_for_building
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder, no_codebook
from videobert.model.graph_files import missing_graphs
from videobert.model.mending import CODEBOOK


def build_engines_of(job: TargetJob) -> Sequence[dict[str, Any]]:
    """Export what is missing, copy the folder where one is asked for, and build every engine of the model."""
    precision = job.precision or DEFAULT_PRECISION
    mask = check_job(job.target, precision, job.capabilities)
    folder = _with_graphs(job, precision, mask)
    place = folder_for_building(folder, job.target)
    if not place.is_relative_to(folder.root):
        note(
            f"note: {folder.root} is not written to: the engines go to the user's cache; --out makes a folder",
            job.options,
        )
    with step_progress(f"building for {job.target}", job.options) as on_progress:
        engines = build_engines(
            folder,
            place,
            target=job.target,
            precision=precision,
            capabilities=job.capabilities,
            on_progress=on_progress,
        )
    return [_row(engine) for engine in engines]


def _with_graphs(job: TargetJob, precision: str, mask: bool) -> ModelFolder:
    """The folder to build in, with its manifest and every graph that the precision needs.

    Raises:
        ModelError: it has no codebook yet, whose search is one of the engines.
        UsageError: nothing of the model is made in that precision, or graphs are missing of one that is not written to.
    """
    from videobert.cli.build.export import export_engine_graphs, export_graphs

    root = job.folder
    config = ModelConfig.read(root / "config.json")
    check_judgeable(config, precision)
    if not (root / CODEBOOK).is_file() and config.has_tokens:
        raise no_codebook(root)
    if not (root / "manifest.json").is_file():
        export_graphs(root, job.out, job.options)
        root = job.out or root
    folder = ModelFolder(root)
    if job.out is not None and root != job.out:
        if job.out.resolve().is_relative_to(folder.root):
            raise UsageError(
                "the engines' folder cannot lie inside the model folder", seen=str(job.out), fix="Pass another --out."
            )
        copy_folder(folder, job.out)
        folder = ModelFolder(job.out)
    if job.keep is not None:
        job.keep.check(folder)
    if job.keep is not None or missing_graphs(folder.names(), folder.config, precision, mask=mask):
        export_engine_graphs(folder.root, precision, job.options, keep=job.keep)
        folder = ModelFolder(folder.root)
    return folder


def _row(engine: BuiltEngine) -> dict[str, Any]:
    fused = "not readable" if engine.fused_attention is None else engine.fused_attention
    said = [engine.precision, f"for {', '.join(engine.targets)}"]
    if engine.expected_attention:
        said.append(f"fused attention {fused} of {engine.expected_attention}")
    said.append("was built before" if engine.cached else f"built in {engine.build_s:.1f} s")
    return {
        "name": engine.stage,
        "size_bytes": engine.size_bytes,
        "summary": "; ".join(said),
        "path": str(engine.path),
        "precision": engine.precision,
        "targets": list(engine.targets),
        "fused_attention": engine.fused_attention,
        "expected_attention": engine.expected_attention,
        "build_s": engine.build_s,
        "peak_memory_bytes": engine.peak_memory_bytes,
        "cached": engine.cached,
    }
