"""What may come after a video: python examples/forecast.py VIDEO"""

from __future__ import annotations

import sys

import videobert


def main(path: str) -> None:
    with videobert.load("shapes") as model:
        forecast = model.forecast(path, ahead=(1, 2), top=2)
        for horizon in forecast:
            for candidate in horizon.candidates:
                # A token is a number; what the model's own questions say of it tells more.
                said = " ".join(answer.text for answer in candidate.answers.values())
                print(f"{horizon.start_s:.1f}–{horizon.end_s:.1f} s: {candidate.score:.2f} {said} <{candidate.token}>")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
