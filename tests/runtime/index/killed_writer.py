"""A process that writes to an index until somebody kills it, and says what is done: `killed_writer.py FOLDER FIRST`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from made_index import IDENTITY, add

from videobert.index.writer import IndexWriter


def main(folder: str, first: int) -> None:
    with IndexWriter(folder, IDENTITY) as writer:
        for seed in range(first, first + 10_000):
            add(writer, seed)
            print(f"added {seed}", flush=True)
            if seed % 7 == 6:
                writer.drop_path(f"/films/{seed - 3}.mp4")
                print(f"dropped {seed - 3}", flush=True)
            if seed % 10 == 9:
                writer.compact()
            if seed % 25 == 24:
                writer.write_cells()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
