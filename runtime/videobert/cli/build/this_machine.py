"""`videobert build` without a target: graphs from the weights, and both compiled for the machine that it runs on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import videobert
from videobert.base.errors import EngineUnavailable
from videobert.cli.build.export import export_graphs
from videobert.cli.notes import note
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.model.mending import BUNDLED


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltHere:
    """What was built.

    Args:
        folder: with the graphs.
        graphs: one JSON object for each that was exported; none where those that were there are used.
        compile_s: how long compiling took.
    """

    folder: str
    graphs: list[dict[str, Any]]
    compile_s: float


def build_here(root: Path, out: Path | None, options: CommonOptions) -> BuiltHere:
    """Export the graphs, where that is possible, and compile them, so that the first use of the model is quick.

    Args:
        root: the model folder.
        out: where to put it; None is in place.

    Raises:
        EngineUnavailable: no graphs can be exported here, and there are none to fall back on.
        ModelError, UsageError: see `export_graphs`.
    """
    graphs = _exported(root, out, options)
    built = str(out or root)
    with spinner("compiling for this machine", options):
        started_s = time.perf_counter()
        with videobert.load(built) as model:
            model.warmup()
        compile_s = time.perf_counter() - started_s
    return BuiltHere(folder=built, graphs=graphs, compile_s=compile_s)


def _exported(root: Path, out: Path | None, options: CommonOptions) -> list[dict[str, Any]]:
    if out is None and root.is_relative_to(BUNDLED):
        note(
            "note: a bundled model is not written to: its graphs are compiled as they are; --out makes a folder",
            options,
        )
        return []
    try:
        return export_graphs(root, out, options)
    except EngineUnavailable as error:
        if out is not None or not (root / "manifest.json").is_file():
            raise
        note(f"note: {error.what}: the graphs that are there are compiled as they are", options)
        return []
