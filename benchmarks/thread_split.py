"""How to split threads between engine and decoder: `python benchmarks/thread_split.py OUT.json`.

The film of the repository is looped to half a minute of H.264 in two sizes and answered in turns by models opened with
each split. With all threads for both, as by default, they share the processors as the system lets them. In all of them
the engine's threads are pinned, each to one processor, but for a backbone's in the last. --model adds a folder to the
bundled model; of one whose encoder is not trained `features` is asked. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

from videobert import Runtime
from videobert.base.cpu_threads import processors
from videobert.base.limits import Limits
from videobert.bench.environment import environment
from videobert.bench.noise import NoiseProbe
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder

sys.path.insert(0, str(Path(__file__).parent))
from looped_film import looped

FILM = Path(__file__).parents[1] / "tests" / "media" / "bigbuckbunny.mp4"
SIZES = {"480p": (854, 480), "1080p": (1920, 1080)}
LENGTH_S, ROUNDS = 30, 5
NOT_PINNED = "all + all, not pinned"


def splits(cores: int) -> dict[str, tuple[int, int]]:
    """Threads of the engine and of the decoder, by name; the first is the default."""
    half = max(1, cores // 2)
    found = {(cores, cores), (cores, half), (half, cores), (half, cores - half or 1), (cores - 1 or 1, 1)}
    default = (cores, cores)
    return {f"{engine} + {decoder}": (engine, decoder) for engine, decoder in (default, *sorted(found - {default}))}


def measured(model: str, verb: str, film: Path, cache: Path) -> dict[str, Any]:
    """Seconds by split, and how many times as fast each is as the default, the median of rounds."""
    folder = ModelFolder(model)
    named = splits(processors())
    with ExitStack() as stack:
        opened = {}
        for name, (engine_threads, decoder_threads) in named.items():
            engine = OpenVinoEngine(folder, EngineOptions(threads=engine_threads, cache_dir=cache))
            runtime = Runtime(folder, engine, Limits(), decoder_threads=decoder_threads)
            opened[name] = stack.enter_context(runtime)
        engine = OpenVinoEngine(folder, EngineOptions(cache_dir=cache))
        with patch("videobert.engines.openvino_engine._LARGE_CLIP_BYTES", 0):
            engine.prepare()
        opened[NOT_PINNED] = stack.enter_context(Runtime(folder, engine, Limits()))
        seconds: dict[str, list[float]] = {name: [] for name in opened}
        for runtime in opened.values():
            getattr(runtime, verb)(film)
        noise = NoiseProbe()
        for _ in range(ROUNDS):
            noise.look()
            for name, runtime in opened.items():
                began = time.perf_counter()
                getattr(runtime, verb)(film)
                seconds[name].append(time.perf_counter() - began)
    default = seconds[next(iter(named))]
    told = {
        name: {
            "engine": named.get(name, (processors(),))[0],
            "decoder": named.get(name, (processors(),))[-1],
            "whole_s": round(statistics.median(times), 4),
            "ratio": round(statistics.median(a / b for a, b in zip(default, times, strict=True)), 3),
        }
        for name, times in seconds.items()
    }
    return {"quiet": noise.found().quiet, "verb": verb, "splits": told}


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
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size, (width, height) in SIZES.items():
            film = Path(scratch) / f"{size}.mp4"
            looped(FILM, film, LENGTH_S, width, height)
            for name, (folder, verb) in models.items():
                found.setdefault(name, {})[size] = measured(folder, verb, film, Path(scratch) / "cache")
                print(name, size, found[name][size], file=sys.stderr, flush=True)
    result = {"environment": environment("av", "openvino", "numpy"), "models": found}
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
