"""Index a folder of videos, then find stretches by words and by example: python examples/search_videos.py FOLDER

The index lies beside the folder. Run it again after you have added, changed, moved or deleted videos: only what is new
is worked on. Searching needs the extra `search`; for real film use the model `everyday`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import videobert


def main(folder: str) -> None:
    films = Path(folder)
    with videobert.load("shapes") as model:
        indexed = model.index(films, films.with_name(f"{films.name}.index"))
        print(f"{indexed.stretches} stretches of {indexed.videos} videos, {len(indexed.failed)} failed")
        # Opened once, it answers any number of questions.
        index = videobert.open_index(indexed.index)
        found = model.search("a yellow star bounces", index, top=3)
        for hit in found:
            print(f"{hit.score:.3f} {hit.start_s:.1f}–{hit.end_s:.1f} s {Path(hit.source).name}")
        if found.fits is False:
            print("unsure: nothing fits for certain")
        # What is like the stretch that was found first? A text is a str, a video's path a Path.
        best = found.hits[0]
        like = model.search(Path(best.source), index, span=(best.start_s, best.end_s), top=1)
        print(f"most like it: {like.hits[0].start_s:.1f}–{like.hits[0].end_s:.1f} s")
        films.with_name("found.html").write_text(videobert.search_page(found), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
