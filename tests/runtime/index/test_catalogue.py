"""What the records of a journal add up to, and records that no index could have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import ModelError
from videobert.index.catalogue import Catalogue

ADD: dict[str, Any] = {
    "op": "add",
    "path": "/a.mp4",
    "size": 1,
    "mtime_ns": 2,
    "sha256": "0" * 64,
    "rows": 3,
    "clips": 5,
    "picture_bytes": 7,
    "duration_s": 1.5,
    "percentile": None,
    "out_of_domain": False,
    "checksums": {"rows": 1},
}


def test_files_lie_one_behind_the_other() -> None:
    known = Catalogue(Path("index"))
    known.apply(ADD)
    known.apply(ADD | {"path": "/b.mp4", "sha256": "1" * 64})
    assert (known.rows, known.clips, known.picture_bytes) == (6, 10, 14)
    second = known.by_path["/b.mp4"]
    assert (second.first_row, second.first_clip, second.first_picture) == (3, 5, 7)
    known.apply({"op": "drop", "path": "/a.mp4"})
    assert known.alive().tolist() == [False] * 3 + [True] * 3
    assert (known.alive_rows, known.videos) == (3, 1)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"op": "unknown"},
        {"op": ["add"]},
        ADD | {"rows": -1},
        ADD | {"rows": 1 << 41},
        ADD | {"rows": True},
        ADD | {"rows": 1.5},
        ADD | {"sha256": 3},
        ADD | {"path": 3},
        ADD | {"size": "1"},
        ADD | {"checksums": []},
        ADD | {"duration_s": "x"},
        {key: value for key, value in ADD.items() if key != "clips"},
        {"op": "path", "file": 7, "path": "/a.mp4", "size": 1, "mtime_ns": 2},
        {"op": "path", "file": -1, "path": "/a.mp4", "size": 1, "mtime_ns": 2},
        {"op": "fail", "path": "/a.mp4", "size": 1, "mtime_ns": 2},
        {"op": "cells", "name": "../cells-3", "size_bytes": 1, "rows": 0},
        {"op": "cells", "name": "cells-../x", "size_bytes": 1, "rows": 0},
        {"op": "cells", "name": "cells-3", "size_bytes": 1, "rows": 99},
    ],
    ids=str,
)
def test_a_record_that_makes_no_sense_is_damage(record: dict[str, Any]) -> None:
    known = Catalogue(Path("index"))
    known.apply(ADD)
    with pytest.raises(ModelError, match="makes no sense"):
        known.apply(record)
