"""Questions about a video, with the stretch that answers: python examples/answer.py clip.mp4"""

from __future__ import annotations

import sys

import videobert


def main(video: str) -> None:
    with videobert.load("shapes") as model:
        # The tokens are kept, so that the video is read once.
        seen = model.tokens(video)
        for question, choices in (
            ("is there a red heart?", None),
            ("a [MASK] circle", ["red", "blue"]),
            ("what happens?", ["a yellow star bounces", "a green square spins"]),
        ):
            found = model.answer(seen, question, choices=choices)
            print(f"{question} {found.text} ({found.score:.2f}), {found.start_s:.1f}–{found.end_s:.1f} s")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
