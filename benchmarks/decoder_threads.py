"""How many threads FFmpeg should decode with beside an answer: `python benchmarks/decoder_threads.py OUT.json`.

The films of the repository, and one of them looped to half a minute of H.264 in three sizes, answered by the bundled
model in turns with each number; FFmpeg's own choice is one more than there are processors. Run it on a machine that
does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import videobert
from videobert.base.cpu_threads import processors
from videobert.bench.environment import environment
from videobert.bench.noise import NoiseProbe
from videobert.model.folder import BUNDLED

sys.path.insert(0, str(Path(__file__).parent))
from looped_film import looped

MEDIA = Path(__file__).parents[1] / "tests" / "media"
SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
LENGTH_S, ROUNDS = 30, 9
# What the decoder asks for; FFmpeg takes 0 for its own choice.
ASKED = "videobert.video.decoders.pyav.decoder.processors"


def measured(model: videobert.Runtime, film: Path, counts: dict[str, int]) -> dict[str, Any]:
    """Seconds of an answer by number of threads, and how many times as fast it is as with FFmpeg's own, by pairs."""
    seconds: dict[str, list[float]] = {name: [] for name in counts}
    model.run(film)
    noise = NoiseProbe()
    for _ in range(ROUNDS):
        noise.look()
        for name, count in counts.items():
            with patch(ASKED, return_value=count):
                began = time.perf_counter()
                model.run(film)
                seconds[name].append(time.perf_counter() - began)
    own = seconds["ffmpegs_own"]
    told = {
        name: {
            "run_s": round(statistics.median(times), 4),
            "ratio": round(statistics.median(a / b for a, b in zip(own, times, strict=True)), 3),
        }
        for name, times in seconds.items()
    }
    return {"quiet": noise.found().quiet, "threads": told}


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    cores = processors()
    counts = {"ffmpegs_own": 0, "one": 1, "as_processors": cores, "twice": 2 * cores}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch, videobert.load("shapes") as model:
        films = {path.stem: path for path in (BUNDLED / "shapes" / "clip.mp4", *sorted(MEDIA.glob("*.mp4")))}
        for size, (width, height) in SIZES.items():
            films[f"looped_{size}"] = Path(scratch) / f"{size}.mp4"
            looped(MEDIA / "bigbuckbunny.mp4", films[f"looped_{size}"], LENGTH_S, width, height)
        for name, film in films.items():
            found[name] = measured(model, film, counts)
            print(name, found[name], file=sys.stderr, flush=True)
    result = {"environment": environment("av", "openvino", "numpy"), "films": found}
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
