"""When what goes on, and where the model is unsure: python examples/events.py clip.mp4

Events overlap: a stretch has an answer to each question of the model.
"""

from __future__ import annotations

import sys

import videobert


def main(video: str) -> None:
    with videobert.load("shapes") as model:
        found = model.events(video)
        for event in found:
            print(f"{event.start_s:.1f}–{event.end_s:.1f} s {event.question}: {event.label} ({event.score:.2f})")
        for stretch in found.unsure:
            print(f"{stretch.start_s:.1f}–{stretch.end_s:.1f} s {stretch.question}: unsure")
        print("changes at", *(f"{time:.1f}" for time in found.changes_s))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
