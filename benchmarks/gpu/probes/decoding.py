"""What NVDEC does: which codecs it decodes as PyAV does, and how fast, beside PyAV and other decoders."""

from __future__ import annotations

import ctypes
import importlib
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.gpu.films import psnr, write_film
from benchmarks.gpu.probes.product import CLIP

_REPEATS: Final = 9
_LEAST_DB: Final = 40.0


def nvdec() -> dict[str, Any]:
    """Whether the driver's decoding library is exposed, and which codecs DALI decodes with it as PyAV does."""
    found: dict[str, Any] = {}
    try:
        ctypes.CDLL("libnvcuvid.so.1")
        found["libnvcuvid"] = "loads"
    except OSError as error:
        return {"libnvcuvid": str(error)}
    importlib.import_module("nvidia.dali")
    from videobert.video.dali_trial import failure

    found["dali"] = {codec: failure(codec, "cuda") or "equal to PyAV" for codec in ("h264", "hevc", "av1", "vp9")}
    return found


def decode_rate() -> dict[str, Any]:
    """Films through DALI on NVDEC and PyAV: time to the first clip, and frames; torchcodec and NVDEC alone beside."""
    importlib.import_module("nvidia.dali")
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder, "1080p.mp4")
        write_film(large)
        return {name: decoded(film) for name, film in (("bundled, 854x480", CLIP), ("made, 1920x1080", large))}


def decoded(film: Path) -> dict[str, Any]:
    """Times of one film, where DALI's clips are PyAV's."""
    wrong = _difference(film)
    if wrong is not None:
        return {"parity": wrong}
    rows: dict[str, Any] = {"parity": "good"}
    for name, decoder, device in (("dali on cuda", "dali", "cuda"), ("pyav on cpu", "pyav", "cpu")):
        runs = [_through(film, decoder, device) for _ in range(_REPEATS)]
        rows[name] = {
            "cold_first_clip_s": runs[0][0],
            "first_clip_s": statistics.median(run[0] for run in runs[1:]),
            "frames_per_s": statistics.median(run[1] for run in runs[1:]),
        }
    rows["torchcodec on cuda"] = _rate("torchcodec.decoders", partial(_torchcodec, film))
    rows["nvdec alone"] = _rate("PyNvVideoCodec", partial(_nvdec_alone, film))
    return rows


def _difference(film: Path) -> str | None:
    """What differs between all clips by DALI and by PyAV."""
    from benchmarks.gpu.first_frame import pixels
    from videobert.model.recipe import Recipe
    from videobert.video.open import open_clips

    with (
        open_clips(film, Recipe(), decoder="dali", device="cuda") as found,
        open_clips(film, Recipe(), decoder="pyav", device="cpu") as wanted,
    ):
        for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
            near = psnr(pixels(one.frames), pixels(other.frames))
            if not near >= _LEAST_DB:
                return f"clip {number} is {near:.1f} dB from PyAV's"
        if found.info.decoder_fallback is not None:
            return f"PyAV read the film and not DALI: {found.info.decoder_fallback}"
    return None


def _through(film: Path, decoder: Any, device: Any) -> tuple[float, float]:
    from videobert.model.recipe import Recipe
    from videobert.video.open import open_clips

    started_s, first_s, samples = time.perf_counter(), 0.0, 0
    with open_clips(film, Recipe(), decoder=decoder, device=device) as stream:
        for clip in stream:
            first_s = first_s or time.perf_counter() - started_s
            samples += len(clip.frames)
    return first_s, samples / (time.perf_counter() - started_s)


def _rate(module: str, count: Callable[[Any], int]) -> dict[str, Any]:
    """Frames per second of the whole film, the first run left out; or why there are none."""
    try:
        library = importlib.import_module(module)
        rates = []
        for _ in range(_REPEATS):
            started_s = time.perf_counter()
            frames = count(library)
            rates.append(frames / (time.perf_counter() - started_s))
    except Exception as error:  # a rival that fails is a finding, not our failure
        return {"left out": f"{type(error).__name__}: {error}"[:300]}
    return {"frames_per_s": statistics.median(rates[1:])}


def _torchcodec(film: Path, library: Any) -> int:
    import torch

    frames = sum(1 for _ in library.VideoDecoder(str(film), device="cuda"))
    torch.cuda.synchronize()
    return frames


def _nvdec_alone(film: Path, library: Any) -> int:
    """Decoding and nothing else: the rate that no pipeline on this GPU can pass."""
    demuxer = library.CreateDemuxer(filename=str(film))
    decoder = library.CreateDecoder(gpuid=0, codec=demuxer.GetNvCodecId(), usedevicememory=True)
    return sum(1 for packet in demuxer for _ in decoder.Decode(packet))
