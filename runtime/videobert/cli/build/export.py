"""The graphs of a model folder, exported for `videobert build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videobert.cli.needs_modeling import modeling_side, require_packages
from videobert.cli.notes import note
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.families.build_check import check_buildable
from videobert.model.kept_layers import KeptLayers
from videobert.model.mending import check_written, make_codebook, typed


def export_graphs(folder: Path, out: Path | None, options: CommonOptions) -> list[dict[str, Any]]:
    """Export the portable graphs: all of them, or those of the text side where there is no codebook yet.

    Raises:
        EngineUnavailable: torch or another library of the modeling side is missing.
        ModelError, UsageError: the folder cannot be built, see `check_buildable`, or is never written to.
    """
    if out is None:
        check_written(folder)
    require_packages("build", "build", "torch", "onnx", "onnxscript", "onnxruntime")
    # Before torch is imported: what cannot be built is told at once.
    buildable = check_buildable(folder, out)
    sees = buildable.codebook is not None or not buildable.config.has_tokens
    if not sees:
        note(
            f"note: {typed(folder)} has no codebook yet, so its text side alone is built, for fill and embed of text. "
            f"{make_codebook(folder, given=buildable.config.tokens_are_given)}",
            options,
        )
    with modeling_side("build", "build"):
        from videobert_modeling.export import export_folder

        with step_progress("exporting", options) as on_progress:
            exported = export_folder(folder, out, on_progress=on_progress, text_only=not sees)
    return [{"name": graph.name, "size_bytes": graph.size_bytes, "error": graph.openvino.error} for graph in exported]


def export_engine_graphs(
    folder: Path, precision: str, options: CommonOptions, *, keep: KeptLayers | None = None
) -> None:
    """Export the graphs that engines of one precision are built from.

    Args:
        keep: layers that stay in a higher precision; None for those that always do.

    Raises:
        EngineUnavailable: torch or another library of the modeling side is missing.
        UsageError: the folder is never written to.
    """
    check_written(folder)
    with modeling_side("build", "build"):
        from videobert_modeling.export import export_engine_graphs as export

        with step_progress(f"exporting {precision}", options) as on_progress:
            export(folder, precision, keep=keep, on_progress=on_progress)
