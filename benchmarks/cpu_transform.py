"""The native clip transform beside swscale: decoded planes to the cropped RGB square.

Run as `python benchmarks/cpu_transform.py OUT.json` on a machine that does nothing else. Each case is timed in pairs,
in one process and one thread: one call of ours, one of swscale, on pictures of a pool that is larger than a core's own
caches, so that neither finds its picture there. Ours is the whole call from Python, crop included; swscale's
is the resize and conversion of the whole picture alone. Before anything is timed, both are held against the float64
reference of the tests; where ours is below its floor, no speed is written.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter

from videobert import _native
from videobert.bench.environment import environment
from videobert.model.recipe import Recipe
from videobert.video.picture.transform import PictureTransform, resized_size

FLOOR_DB = 48
PAIRS = 400
POOL = 8
# (width, height), side of the square, pixel format
CASES = [
    ((1920, 1080), 224, "yuv420p"),
    ((1920, 1080), 224, "nv12"),
    ((1920, 1080), 224, "yuv420p10le"),
    ((1280, 720), 112, "yuv420p"),
    ((854, 480), 112, "yuv420p"),
    ((3840, 2160), 224, "yuv420p10le"),
]
RIVALS = {
    "swscale bilinear": int(Interpolation.BILINEAR),
    "swscale bilinear, exact": int(
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.FULL_CHR_H_INT
        | Interpolation.FULL_CHR_H_INP
    ),
}


def reference() -> ModuleType:
    """The float64 transform of the tests."""
    path = Path(__file__).parents[1] / "tests" / "runtime" / "video" / "picture" / "reference_transform.py"
    spec = importlib.util.spec_from_file_location("reference_transform", path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pool(size: tuple[int, int], pixel_format: str) -> list[VideoFrame]:
    """Pictures with edges, waves and grain, tagged BT.709, limited range."""
    width, height = size
    y, x = np.mgrid[:height, :width] / height
    frames = []
    for number in range(POOL):
        rng = np.random.default_rng(number)
        waves = np.sin(9 * x + 3 * y + number)[..., None] * [60, 40, 50]
        edges = ((11 * x + 5 * y + number).astype(int) % 2)[..., None] * [50, 70, 40]
        picture = np.clip(100 + waves + edges + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8)
        frame = VideoFrame.from_ndarray(picture, "rgb24").reformat(
            format=pixel_format, dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        frame.colorspace, frame.color_range = 1, 1
        frames.append(frame)
    return frames


def stored(frame: VideoFrame) -> tuple[tuple[Any, ...], int]:
    """Y, U and V as arrays, and their bits."""
    bits = frame.format.components[0].bits
    dtype = np.uint16 if bits > 8 else np.uint8
    rows = [np.frombuffer(bytes(plane), dtype).reshape(plane.height, -1) for plane in frame.planes]
    if frame.format.name == "nv12":
        rows = [rows[0], rows[1][:, ::2], rows[1][:, 1::2]]
    return tuple(r[:, : c.width] for r, c in zip(rows, frame.format.components, strict=True)), bits


def spread(values: list[float], digits: int) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return {"median": round(middle, digits), "q1": round(low, digits), "q3": round(high, digits)}


def pairs(
    ours: Callable[[VideoFrame], object], theirs: Callable[[VideoFrame], object], frames: list[VideoFrame]
) -> Any:
    """Microseconds of both and the ratios of pairs; who begins alternates."""
    seconds: dict[Any, list[float]] = {ours: [], theirs: []}
    for turn in range(PAIRS + POOL):
        for number, call in enumerate((ours, theirs) if turn % 2 else (theirs, ours)):
            # Half the pool apart: none finds the picture where the other has just left it.
            frame = frames[(turn + number * POOL // 2) % POOL]
            began = time.perf_counter()
            call(frame)
            seconds[call].append(time.perf_counter() - began)
    mine, other = (seconds[call][POOL:] for call in (ours, theirs))
    return {
        "ours_us": spread([1e6 * s for s in mine], 1),
        "swscale_us": spread([1e6 * s for s in other], 1),
        "ratio": spread([b / a for a, b in zip(mine, other, strict=True)], 2),
    }


def swscale(size: tuple[int, int], flags: int) -> Callable[[VideoFrame], VideoFrame]:
    """Resize and convert the whole picture in one thread."""
    reformatter = VideoReformatter()

    def call(frame: VideoFrame) -> VideoFrame:
        return reformatter.reformat(
            frame,
            width=size[0],
            height=size[1],
            format="rgb24",
            interpolation=flags,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        )

    return call


def measure_case(size: tuple[int, int], side: int, pixel_format: str) -> dict[str, Any]:
    """Parity, then every rival on this processor's best path, then the other paths."""
    frames = pool(size, pixel_format)
    recipe = Recipe(short_side=side, crop=side)
    planes, bits = stored(frames[0])
    truth = reference()
    wanted = truth.transform_yuv(planes, short_side=side, crop=side, matrix="bt709", bits=bits, siting="centre")
    resized = resized_size(*size, side)
    left = (resized[0] - side) // 2
    result: dict[str, Any] = {"size": list(size), "side": side, "pixel_format": pixel_format, "paths": {}}
    square = np.empty((side, side, 3), np.uint8)
    best = _native.cpu_path().replace("amx", "avx512")
    for path in ("avx512", "avx2", "scalar")[("avx512", "avx2", "scalar").index(best) :]:
        os.environ["VIDEOBERT_CPU"] = path
        transform = PictureTransform(recipe, 8192)
        psnr = truth.psnr(transform(frames[0], square, 0), wanted)
        result["paths"][path] = {"psnr_db": round(psnr, 1)}
        if psnr < FLOOR_DB:
            continue
        for name, flags in RIVALS.items():
            theirs = swscale(resized, flags)
            whole = theirs(frames[0]).to_ndarray()
            row = {"swscale_psnr_db": round(truth.psnr(whole[:, left : left + side], wanted), 1)}
            row |= pairs(lambda frame, t=transform: t(frame, square, 0), theirs, frames)
            result["paths"][path][name] = row
    del os.environ["VIDEOBERT_CPU"]
    return result


def measure() -> dict[str, Any]:
    """Every case on every path of this processor."""
    return {"environment": environment("av", "numpy"), "pairs": PAIRS, "cases": [measure_case(*case) for case in CASES]}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
