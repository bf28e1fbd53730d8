"""Watch a video once, keep its tokens, and put many questions to them: python examples/ask_often.py clip.mp4

The backbone is most of the work. Tokens are small and hold all that every other verb needs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import videobert


def main(video: str) -> None:
    kept = Path(video).with_suffix(".vbt")
    with videobert.load("shapes") as model:
        if not kept.exists():
            model.tokens(video).save(kept)
        tokens = videobert.VisualTokens.load(kept)
        for text in ("a yellow star bounces", "a blue circle slides", "a green square blinks"):
            alignment = model.align(tokens, text)
            best = max(alignment.windows, key=lambda window: window.score)
            print(f"{text}: {best.score:.2f} at {best.start_s:.1f}–{best.end_s:.1f} s")
        for question in model.config.questions:
            answers = [segment.text for segment in model.classify(tokens, question=question).segments]
            print(f"{question}:", " ".join(answers))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
