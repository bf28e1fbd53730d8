"""What an index is on disk, version 1. All numbers are little-endian; nothing is pickled.

```
INDEX/
  index.json            which model the vectors are of, and which generation holds; replaced as a whole
  lock                  held by the one writer
  generation-1/         grows at its end only, so that what a reader has mapped stays as it is
    journal             what was done, a line each: crc32 of the rest in hexadecimal, a space, a JSON object
    rows                ROW for each stretch
    vectors             float32 (stretches, width)
    clips               CLIP for each clip
    features            float16 (clips, feature_width)
    pictures            JPEGs, one after the other
    cells-N             see `videobert.index.cells`: a faster way to the first N vectors
```

A file's stretches are written to the end of each column first, then a line of the journal tells of them. What has no
line does not exist: a writer that was killed leaves a tail that readers do not look at and the next writer cuts off.
Where many rows are of files that are gone, the rest is copied to a new generation and `index.json` then names that.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from videobert.base.errors import ModelError

VERSION = 1
HEAD = "index.json"
LOCK = "lock"
JOURNAL = "journal"
ROWS, VECTORS, CLIPS, FEATURES, PICTURES = "rows", "vectors", "clips", "features", "pictures"

# A stretch. `shot` counts the shots of its file; `first_clip` counts the clips of the whole index, `picture` is a place
# in the pictures. NaN stands for a percentile that there is none of.
ROW = np.dtype(
    [
        ("start_s", "<f8"),
        ("end_s", "<f8"),
        ("first_clip", "<u8"),
        ("picture", "<u8"),
        ("file", "<u4"),
        ("shot", "<u4"),
        ("clips", "<u4"),
        ("picture_bytes", "<u4"),
        ("percentile", "<f4"),
        ("unsure", "u1"),
        ("spare", "V3"),
    ]
)
# A clip: its visual token, -1 in a model without; `sure` is `UNKNOWN` where the model always stands to its tokens.
CLIP = np.dtype([("id", "<i4"), ("score", "<f4"), ("sure", "u1"), ("spare", "V3")])
UNKNOWN = 2

MOST_WIDTH = 65_536
# A file of an index may be longer than any video that `Limits` lets through; beyond this it is damaged.
MOST_ROWS = 1 << 40
MOST_PICTURE_BYTES = 1 << 20


def damaged(folder: Path, what: str, seen: object = None) -> ModelError:
    """The error about an index that cannot be read."""
    return ModelError(
        f"the index is damaged: {what}",
        seen=f"{folder}" if seen is None else f"{folder}: {seen}",
        fix="Delete the folder and index the videos again.",
    )
