"""`videobert build` without a target: graphs from the weights, and both compiled for the machine that it runs on."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import videobert
from videobert.base.errors import EngineUnavailable, InputError
from videobert.cli.build.export import export_graphs
from videobert.cli.notes import note
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.families.build_check import recipe_of
from videobert.model.exact_margin import LEAST_EXACT_CLIPS, ExactMargin, write_exact_margin
from videobert.model.folder import ModelFolder
from videobert.model.int8_file import LEAST_INT8_CLIPS, Int8Judged, write_int8_model
from videobert.model.kept_layers import KeptLayers
from videobert.model.manifest import write_manifest
from videobert.model.mending import check_written, is_never_written
from videobert.model.stage_lists import BACKBONE
from videobert.pipeline.folder_search import videos_in
from videobert.results.as_json import LEFT_OUT_IF_NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltHere:
    """What was built.

    Args:
        folder: with the graphs.
        graphs: one JSON object for each that was exported; none where those that were there are used.
        compile_s: how long compiling took.
        exact: the margin that was measured, if that was asked for.
        int8: what int8 costs, if the backbone was made ready for it.
    """

    folder: str
    graphs: list[dict[str, Any]]
    compile_s: float
    exact: ExactMargin | None = field(default=None, metadata=LEFT_OUT_IF_NONE)
    int8: Int8Judged | None = field(default=None, metadata=LEFT_OUT_IF_NONE)


def build_here(
    root: Path,
    out: Path | None,
    options: CommonOptions,
    *,
    clips: Sequence[str] = (),
    int8: bool = False,
    keep: KeptLayers | None = None,
) -> BuiltHere:
    """Export the graphs, where that is possible, and compile them, so that the first use of the model is quick.

    Args:
        root: the model folder.
        out: where to put it; None is in place.
        clips: videos, and folders of them, to measure the margin of precision exact on; none measures nothing.
        int8: make the backbone ready for int8 on those, in place of that.
        keep: of int8, layers that are left out.

    Raises:
        InputError: a video of `clips` cannot be read, or they hold too few clips.
        EngineUnavailable: no graphs can be exported here, and there are none to fall back on.
        ModelError, UsageError: see `export_graphs`; a bundled model, or one that was got, is not written to.
    """
    videos = _videos(root, out, clips)
    if videos:
        _check_enough(root, videos, int8, options)
    graphs = _exported(root, out, options)
    built = str(out or root)
    with spinner("compiling for this machine", options):
        started_s = time.perf_counter()
        with videobert.load(built) as model:
            model.warmup()
        compile_s = time.perf_counter() - started_s
    exact = judged = None
    if videos:
        # Here, since they load what reads videos, and help is to be quick.
        from videobert.pipeline.exact_calibration import calibrated
        from videobert.pipeline.int8_calibration import calibrated_int8

        place = Path(built)
        folder = ModelFolder(place)
        if keep is not None:
            keep.check(folder)
        with spinner("measuring on clips", options):
            if int8:
                made = calibrated_int8(folder, videos, frozenset() if keep is None else keep.of(BACKBONE))
                write_int8_model(place, made)
                judged = made.judged
            else:
                exact = calibrated(folder, videos)
                write_exact_margin(place, exact)
        write_manifest(place)
    return BuiltHere(folder=built, graphs=graphs, compile_s=compile_s, exact=exact, int8=judged)


def _videos(root: Path, out: Path | None, clips: Sequence[str]) -> list[str]:
    """The videos among what was typed, with folders searched."""
    if clips and out is None:
        check_written(root)
    found: list[str] = []
    for typed in clips:
        for video in videos_in(typed) if os.path.isdir(typed) else [typed]:
            if isinstance(video, InputError):
                raise video
            found.append(video)
    return found


def _check_enough(root: Path, videos: Sequence[str], int8: bool, options: CommonOptions) -> None:
    """Refuse too few clips before anything is exported."""
    from videobert.pipeline import exact_calibration, int8_calibration
    from videobert.pipeline.calibration_clips import check_enough

    least, purpose = (
        (LEAST_INT8_CLIPS, int8_calibration.PURPOSE) if int8 else (LEAST_EXACT_CLIPS, exact_calibration.PURPOSE)
    )
    with spinner("counting clips", options):
        check_enough(recipe_of(root), videos, least, purpose)


def _exported(root: Path, out: Path | None, options: CommonOptions) -> list[dict[str, Any]]:
    if out is None and is_never_written(root):
        note(f"note: {root} is not written to: its graphs are compiled as they are; --out makes a folder", options)
        return []
    try:
        return export_graphs(root, out, options)
    except EngineUnavailable as error:
        if out is not None or not (root / "manifest.json").is_file():
            raise
        note(f"note: {error.what}: the graphs that are there are compiled as they are", options)
        return []
