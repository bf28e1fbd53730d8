"""A model's backbone in fp32, bf16 and at points, by the engine that the product has."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges
from videobert.model.precision import Precision
from videobert.model.stage_lists import BACKBONE

_AT_A_TIME = 8


@contextmanager
def opened(
    folder: ModelFolder, precision: Precision, ranges: Int8Ranges | None = None, threads: int | None = None
) -> Iterator[OpenVinoEngine]:
    """An engine whose backbone has these ranges, or none; what it compiles is not kept."""
    with tempfile.TemporaryDirectory() as place:
        options = EngineOptions(precision=precision, cache_dir=Path(place), threads=threads)
        engine = OpenVinoEngine(folder, options, {} if ranges is None else {BACKBONE: ranges})
        try:
            yield engine
        finally:
            engine.close()


def kept_features(
    folder: ModelFolder,
    points: Mapping[str, Int8Ranges],
    windows: npt.NDArray[np.uint8],
    work: Path,
    seconds: float,
    only: Collection[str] | None = None,
) -> dict[str, npt.NDArray[np.float32]]:
    """Features in fp32, bf16 and at points, kept in a folder: those that are there are not computed again.

    Args:
        windows: uint8 `(windows, frames, side, side, 3)`.
        seconds: after which no more are computed.
        only: compute no others; None for all.

    Returns:
        Float32 `(windows, dim)` of the first windows, as many as all have.
    """
    end = time.monotonic() + seconds
    ways: dict[str, tuple[Precision, Int8Ranges | None]] = {"fp32": ("fp32", None), "bf16": ("auto", None)}
    ways |= {name: ("auto", ranges) for name, ranges in points.items()}
    paths = {name: work / f"{name}.{ranges.hash if ranges else ''}.npy" for name, (_, ranges) in ways.items()}
    found = {name: list(np.load(path)) if path.exists() else [] for name, path in paths.items()}
    with ExitStack() as stack:
        engines = {
            # A thread of its own: on a machine that does other things too, threads would wait for each other.
            name: stack.enter_context(opened(folder, *way, threads=1))
            for name, way in ways.items()
            if (only is None or name in only) and len(found[name]) < len(windows)
        }
        for start in range(0, len(windows), _AT_A_TIME):
            if time.monotonic() > end:
                break
            for name, engine in engines.items():
                if len(found[name]) <= start:
                    found[name] += list(features(engine, windows[start : start + _AT_A_TIME]))
                    np.save(paths[name], np.stack(found[name]))
    most = min(map(len, found.values()))
    return {name: np.stack(each[:most]) if most else np.zeros((0, 1), np.float32) for name, each in found.items()}


def features(engine: OpenVinoEngine, clips: Iterable[npt.NDArray[np.uint8]]) -> npt.NDArray[np.float32]:
    """Float32 `(clips, dim)`."""
    return np.concatenate([engine.run(BACKBONE, clips=clip[None]) for clip in clips])
