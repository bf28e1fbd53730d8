"""A minute of film from file to answer, and its slowest stage alone: `python benchmarks/pipeline_stages.py OUT.json`.

The film of the repository is looped to a minute of H.264 in three sizes. Reading alone (decoding, and turning pictures
into clips) and the backbone alone (on clips that are there already) are timed in turns with the whole answer. What an
answer computes, as processor time over the processors, is what no order of the same work can go below. --model adds a
folder to the bundled model; of one whose encoder is not trained `features` is asked. Run it on a machine that does
nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.cpu_threads import processors
from videobert.bench.environment import environment
from videobert.bench.noise import NoiseProbe
from videobert.bench.opened_model import opened_model
from videobert.bench.statistics import spread_of
from videobert.model.stage_lists import BACKBONE
from videobert.video.open import open_clips

sys.path.insert(0, str(Path(__file__).parent))
from looped_film import looped

FILM = Path(__file__).parents[1] / "tests" / "media" / "bigbuckbunny.mp4"
SIZES = {"480p": (854, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
MINUTE_S, ROUNDS = 60, 5


def measured(model: str, verb: str, film: Path, cache: Path) -> dict[str, Any]:
    """Medians of the stages alone and of the whole, in seconds, of one film."""
    with opened_model(model, {"cache_dir": cache}) as opened:
        whole, engine = opened.model, opened.engine
        with open_clips(film, whole.recipe) as clips:
            read = [np.array(clip.frames)[None] for clip in clips]

        def reading() -> None:
            with open_clips(film, whole.recipe) as clips:
                for _ in clips:
                    pass

        def backbone() -> None:
            for clip in read:
                engine.run(BACKBONE, clips=clip)

        kinds: dict[str, Callable[[], object]] = {
            "reading": reading,
            "backbone": backbone,
            "whole": lambda: getattr(whole, verb)(film),
        }
        for ask in kinds.values():
            ask()
        noise = NoiseProbe()
        wall: dict[str, list[float]] = {name: [] for name in kinds}
        processor: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            noise.look()
            for name, ask in kinds.items():
                began, worked = time.perf_counter(), time.process_time()
                ask()
                wall[name].append(time.perf_counter() - began)
                processor[name].append(time.process_time() - worked)
        found = noise.found()
        precision = whole.origin.precision
    seconds = {name: spread_of(times).p50 for name, times in wall.items()}
    slowest = max("reading", "backbone", key=seconds.__getitem__)
    least = spread_of(processor["whole"]).p50 / processors()
    return {
        "precision": precision,
        "verb": verb,
        "clips": len(read),
        **{f"{name}_s": round(value, 3) for name, value in seconds.items()},
        "processor_time_over_processors_s": round(least, 3),
        "slowest": slowest,
        "whole_over_slowest": round(seconds["whole"] / seconds[slowest], 3),
        "whole_over_processor_time": round(seconds["whole"] / least, 3),
        "times_real_time": round(MINUTE_S / seconds["whole"], 1),
        "quiet": found.quiet,
    }


def main() -> None:
    """Read the arguments, measure, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", action="append", default=[], metavar="NAME=FOLDER:VERB")
    given = parser.parse_args()
    models = {"shapes": ("shapes", "run")}
    for each in given.model:
        name, _, rest = each.partition("=")
        folder, _, verb = rest.rpartition(":")
        models[name] = (folder, verb)
    with tempfile.TemporaryDirectory() as scratch:
        films = {}
        for size, (width, height) in SIZES.items():
            films[size] = Path(scratch) / f"{size}.mp4"
            looped(FILM, films[size], MINUTE_S, width, height)
        found: dict[str, Any] = {}
        for name, (folder, verb) in models.items():
            found[name] = {}
            for size, film in films.items():
                found[name][size] = measured(folder, verb, film, Path(scratch))
                print(name, size, found[name][size], file=sys.stderr, flush=True)
    result = {
        "environment": environment("openvino", "av", "numpy"),
        "film": f"{FILM.stem}, looped to {MINUTE_S} s of H.264 at its own frame rate",
        "models": found,
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
