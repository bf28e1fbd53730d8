"""Subtitles of a video, and how they were made: python examples/caption.py clip.mp4

Of a model without a decoder, such as this one, sentences are made of its answers: they say no more than its labels.
"""

from __future__ import annotations

import sys
from pathlib import Path

import videobert


def main(video: str) -> None:
    with videobert.load("shapes") as model:
        captions = model.caption(video)
        print("method:", captions.method)
        for caption in captions:
            print(f"{caption.start_s:.1f}–{caption.end_s:.1f} s {caption.text}", "(unsure)" * caption.unsure)
        (middle,) = model.caption(video, span=(3.0, 7.5))
        print("3.0 to 7.5 s:", middle.text)
    Path(video).with_suffix(".srt").write_text(videobert.srt(captions), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
