"""How far DALI's clips are from PyAV's, and how many visual tokens that changes: the bundled model on each codec.

Run as `python benchmarks/dali_agreement.py OUT.json [FILMS] [cpu|cuda]`. Films that the model was not trained on are
drawn and written in every codec that DALI decodes there, with the real film of the tests beside them; each file is read
by both decoders. On the CPU the model runs on OpenVINO, on a GPU on torch; what follows decoding is one graph on both.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import sys
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

import videobert
from videobert.engines.selection import EngineName
from videobert.video.decoders.available import Device
from videobert.video.open import open_clips
from videobert_modeling.train.shapes.render import frames
from videobert_modeling.train.shapes.world import held_out_films

REAL_FILM = Path(__file__).parent.parent / "tests" / "media" / "bigbuckbunny.mp4"
SEED = 20261122
CODECS = {
    "vp9": ("libvpx-vp9", "yuv420p", "webm", {"crf": "24", "deadline": "realtime", "cpu-used": "8"}),
    "mjpeg": ("mjpeg", "yuvj420p", "avi", {"qmin": "2", "qmax": "4"}),
    "h264": ("libx264", "yuv420p", "mp4", {"crf": "18", "preset": "veryfast", "bf": "3"}),
    "hevc": ("libx265", "yuv420p", "mp4", {"crf": "18", "preset": "ultrafast", "x265-params": "log-level=none"}),
    "av1": ("libsvtav1", "yuv420p", "mp4", {"crf": "24", "preset": "12"}),
}
ON: dict[Device, tuple[str, ...]] = {"cpu": ("vp9", "mjpeg"), "cuda": tuple(CODECS)}
ENGINES: dict[Device, EngineName] = {"cpu": "openvino", "cuda": "torch"}
Picture = npt.NDArray[np.uint8]


def write(path: Path, codec: str, pictures: Iterable[Picture], rate: Fraction) -> None:
    """One file of a film."""
    encoder, pixel_format, _, options = CODECS[codec]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=rate, options=options)
        for number, picture in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = pixel_format
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def films(count: int) -> Iterator[tuple[list[Picture], Fraction]]:
    """Drawn films and the real one, as pictures."""
    for film in held_out_films(count, SEED, "unseen"):
        yield list(frames(film)), film.fps
    with av.open(str(REAL_FILM)) as container:
        rate = container.streams.video[0].average_rate or Fraction(25)
        yield [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)], rate


def psnr(a: Picture, b: Picture) -> float:
    """In decibels; 99 for equal clips."""
    error = float(np.mean((a.astype(np.float64) - b) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))


def measure(count: int, device: Device) -> dict[str, Any]:
    """Figures by codec; or why DALI did not decode it, once for each film that PyAV had to read."""
    rows: dict[str, dict[str, list[Any]]] = {
        codec: {"psnr": [], "same": [], "times": [], "fallbacks": []} for codec in ON[device]
    }
    engine = ENGINES[device]
    with (
        tempfile.TemporaryDirectory() as folder,
        videobert.load("shapes", engine=engine, device=device, decoder="pyav") as expected,
        videobert.load("shapes", engine=engine, device=device, decoder="dali") as found,
    ):
        for number, (pictures, rate) in enumerate(films(count)):
            for codec in ON[device]:
                path = Path(folder, f"{number}.{CODECS[codec][2]}")
                write(path, codec, pictures, rate)
                theirs, ours = expected.tokens(path), found.tokens(path)
                if ours.decoder_fallback is not None:
                    rows[codec]["fallbacks"].append(ours.decoder_fallback)
                    continue
                rows[codec]["same"] += (theirs.ids == ours.ids).tolist()
                with (
                    open_clips(path, expected.recipe) as one,
                    open_clips(path, found.recipe, decoder="dali", device=device) as other,
                ):
                    for a, b in zip(one, other, strict=True):
                        rows[codec]["psnr"].append(psnr(a.on_host(), b.on_host()))
                        rows[codec]["times"].append(bool((a.times_s == b.times_s).all()))
                path.unlink()
        origin = expected.origin
    return {
        "environment": {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in (engine, "av", "nvidia-dali-cuda130")},
            "precision": origin.precision,
            "decoded_on": "CPU" if device == "cpu" else origin.device,
        },
        "films": count + 1,
        "seed": SEED,
        **{
            codec: {
                "not_decoded_by_dali": row["fallbacks"],
                "clips": len(row["same"]),
                "token_match": float(np.mean(row["same"])),
                "same_frame_times": all(row["times"]),
                "psnr_db_of_other_tokens": [
                    round(db, 2) for db, same in zip(row["psnr"], row["same"], strict=True) if not same
                ],
                "psnr_db": {
                    "least": round(min(row["psnr"]), 2),
                    "first_percent": round(float(np.percentile(row["psnr"], 1)), 2),
                    "median": round(float(np.median(row["psnr"])), 2),
                },
            }
            if row["same"]
            else {"not_decoded_by_dali": row["fallbacks"]}
            for codec, row in rows.items()
        },
    }


if __name__ == "__main__":
    results = measure(int(sys.argv[2]) if len(sys.argv) > 2 else 24, "cuda" if sys.argv[3:] == ["cuda"] else "cpu")
    Path(sys.argv[1]).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
