"""Where a video shows what a text says, and what speaks for it: python examples/locate.py clip.mp4"""

from __future__ import annotations

import sys

import videobert


def main(video: str) -> None:
    with videobert.load("shapes") as model:
        for hit in model.locate(video, "it looks happy", evidence=True):
            print(f"{hit.start_s:.1f}–{hit.end_s:.1f} s ({hit.score:.2f})")
            # What the fit of the hit loses without each of its clips.
            for clip in hit.evidence:
                print(f"  {clip.start_s:.1f}–{clip.end_s:.1f} s {clip.drop:+.2f}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
