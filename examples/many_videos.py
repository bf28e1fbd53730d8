"""Many videos on one model, and one that cannot be read among them: python examples/many_videos.py FOLDER

Four videos are worked on at a time. With the throughput hint each clip gets fewer threads and several are under way.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import videobert


def main(folder: str) -> None:
    with videobert.load("shapes", hint="throughput") as model:

        def watch(path: str) -> float:
            """Any function of a video can be asked of each: this one keeps the tokens and gives the seconds."""
            tokens = model.tokens(path)
            tokens.save(Path(path).with_suffix(".vbt"))
            return float(tokens.end_s[-1] - tokens.start_s[0])

        began, seconds = time.perf_counter(), 0.0
        for each in model.each(folder, watch, at_once=4):
            if each.error is not None:
                print(f"{Path(each.source).name}: {each.error}")
            else:
                seconds += each.result()
        print(f"{seconds:.1f} s of video in {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
