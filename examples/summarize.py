"""The stretches that stand for a video, as a shorter one: python examples/summarize.py VIDEO [SECONDS]

Tokens alone are enough to sum a video up; its pictures are needed again only to cut it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import videobert


def main(path: str, seconds: float) -> None:
    with videobert.load("shapes") as model:
        summary = model.summarize(path, seconds=seconds)
        for span in summary:
            # `why` is the kind of reason, for a program: "rare", "stands_for" or "text".
            print(f"{span.start_s:.1f}–{span.end_s:.1f} s: {span.reason}")
        print(f"{summary.seconds:.1f} s stand for {summary.cover:.0%} of {summary.duration_s:.1f} s")

        # Of the shots that fit this text, if any do.
        about = model.summarize(path, seconds=3, text="the blue circle slides")
        print(*(f"{span.start_s:.1f} s fits by {span.fits:.2f}" for span in about if span.why == "text"))

    short = Path(path).with_suffix(".short.mp4")
    film = videobert.write_film(path, summary.spans, short)
    print(f"{short.name}: {film.duration_s:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 6.0)
