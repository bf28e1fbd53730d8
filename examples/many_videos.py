"""Many videos at once on one model: python examples/many_videos.py FOLDER

A `Runtime` is thread-safe. With the throughput hint each clip gets fewer threads and several are under way.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import videobert


def main(folder: str) -> None:
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in {".mp4", ".mkv", ".webm"})
    with videobert.load("shapes", hint="throughput") as model, ThreadPoolExecutor(4) as pool:
        began = time.perf_counter()

        def watch(path: Path) -> float:
            try:
                tokens = model.tokens(path)
            except videobert.InputError as error:
                print(f"{path.name}: {error}")
                return 0.0
            tokens.save(path.with_suffix(".vbt"))
            return float(tokens.end_s[-1] - tokens.start_s[0])

        seconds = sum(pool.map(watch, paths))
        print(f"{seconds:.1f} s of video in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1])
