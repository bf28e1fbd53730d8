"""How long a user waits for the first of anything: the first clip of a file, and the first answer of a stream."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.gpu.case import Case, Prepared, device, tiny
from benchmarks.gpu.end_to_end import CLIP, answers, model
from benchmarks.gpu.films import psnr, write_film

NEEDS_VIDEOBERT = True
# No clip may be further from PyAV's than this: docs/recipe.md has what DALI gives by codec.
_LEAST_DB = 40.0


def cases() -> list[Case]:
    """The first clip by DALI beside PyAV, of a small and of a large film; the first answer of a stream."""
    found = [
        Case(
            name=f"first-clip/{film}/dali",
            bar=None,
            bar_text="no bar: beside PyAV on this machine's CPU",
            prepare=partial(_first_clip, film),
            cost_s=12.0,
            budget_s=40.0,
        )
        for film in ("854x480", "1920x1080")
    ]
    stream = Case(
        name="first-answer/854x480/pyav-fp32",
        bar=None,
        bar_text="no bar: beside this machine's CPU",
        prepare=_first_answer,
        cost_s=12.0,
        budget_s=40.0,
    )
    return [stream, *found]


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


def _first_clip(film: str) -> Prepared:
    importlib.import_module("nvidia.dali")  # missing, this is said as a package that is not here

    path = Path(_kept().name, f"{film}.mp4")
    if film == "854x480" or tiny():
        path = CLIP
    elif not path.exists():
        write_film(path)
    ours, theirs = partial(_opened, path, "dali", device()), partial(_opened, path, "pyav", "cpu")

    def parity() -> str | None:
        stepped_in = ours()[2]
        if stepped_in is not None and not tiny():
            return f"PyAV read the film and not DALI: {stepped_in}"
        found, wanted = (each()[1] for each in (ours, theirs))
        if found.shape != wanted.shape:
            return f"the first clip is {found.shape}, with PyAV {wanted.shape}"
        near = psnr(found, wanted)
        return None if near >= _LEAST_DB else f"the first clip is {near:.1f} dB from PyAV's, at least {_LEAST_DB:.0f}"

    return Prepared(
        ours=lambda: ours()[0],
        rivals={"PyAV": lambda: theirs()[0]},
        parity=parity,
        quality=lambda: {"dB to PyAV": psnr(ours()[1], theirs()[1])},
        note="from opening the file; the graph and the decoder of the run before are kept",
        clock="own",
    )


def _opened(path: Path, decoder: Any, where: Any) -> tuple[float, np.ndarray, str | None]:
    """Milliseconds from opening a film to its first clip, its pixels, and why PyAV read it, if it stepped in."""
    from videobert.model.recipe import Recipe
    from videobert.video.open import open_clips

    started_s = time.perf_counter()
    with open_clips(path, Recipe(), decoder=decoder, device=where) as clips:
        clip = next(iter(clips))
        milliseconds = (time.perf_counter() - started_s) * 1e3
        # A decoder's memory is its own again once it is closed.
        return milliseconds, pixels(clip.frames), clips.info.decoder_fallback


def pixels(frames: Any) -> np.ndarray:
    """Frames on the host; those on a device come through DLPack."""
    if isinstance(frames, np.ndarray):
        return frames.astype(np.float64)
    import torch

    return torch.utils.dlpack.from_dlpack(frames).cpu().numpy().astype(np.float64)


def _first_answer() -> Prepared:
    ours, exact = model(device(), "fp32", "pyav"), model("cpu", "fp32", "pyav")

    def first(opened: Any) -> tuple[float, Any]:
        started_s = time.perf_counter()
        with opened.stream(CLIP) as segments:
            segment = next(segments)
            return (time.perf_counter() - started_s) * 1e3, segment

    told = _of_segment(first(exact)[1])

    def parity() -> str | None:
        one, other = _of_segment(first(ours)[1]), told
        return None if one == other else f"the first segment is {one}, on the CPU {other}"

    clock: Callable[[Any], Callable[[], float]] = lambda opened: lambda: first(opened)[0]  # noqa: E731
    return Prepared(
        ours=clock(ours),
        rivals={} if tiny() else {"this machine's CPU": clock(exact)},
        parity=parity,
        note="from the call to the first segment, which ends where the next clip is answered otherwise",
        clock="own",
    )


def _of_segment(segment: Any) -> list[str]:
    from types import SimpleNamespace

    return [text for text, _ in answers(SimpleNamespace(segments=[segment])).values()]
