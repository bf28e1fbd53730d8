"""How a video feels, and what the words of a text suggest: python examples/sentiment.py VIDEO [TEXT]

The bundled model has a question for it, `mood`. Another model gets one from `videobert learn`; the error of a model
that has none says how.
"""

from __future__ import annotations

import sys

import videobert


def main(path: str, text: str) -> None:
    with videobert.load("shapes") as model:
        found = model.sentiment(path, text=text)
        for segment in found.segments:
            print(f"{segment.start_s:.1f}–{segment.end_s:.1f} s: {'unsure' if segment.unsure else segment.text}")
        best = found.candidates[0]
        print(f"the video by its {found.question}: {best.text} {best.score:.2f}")
        # Apart from the video's, and a guess: nobody fitted it to what people feel.
        print(f"the text alone: {found.text.candidates[0].text}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "a sad object")
