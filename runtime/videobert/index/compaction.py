"""A copy of an index without what is gone."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from videobert.index.catalogue import Catalogue, StoredFile
from videobert.index.columns import Columns, ColumnWriter, lengths_of, map_columns
from videobert.index.identity import IndexIdentity
from videobert.index.index_format import CLIPS, FEATURES, PICTURES, ROWS, VECTORS
from videobert.index.journal import JournalWriter, Record


def copy_alive(old: Path, known: Catalogue, new: Path, identity: IndexIdentity) -> None:
    """Make the folder `new` a generation that has what can be found in `old`, written through to the disk.

    Raises:
        OSError: the disk is full.
    """
    columns = map_columns(old, known, identity)
    new.mkdir()
    copied = Catalogue(known.folder)
    writer = ColumnWriter(new, lengths_of(copied, identity))
    journal = JournalWriter(new, 0)
    try:
        for file in known.files:
            if file.paths:
                _copy(file, columns, copied, writer, journal)
        for path, failed in known.failed.items():
            record = {"op": "fail", "path": path, **failed.stat._asdict(), "error": failed.error}
            journal.add(record, sync=False)
        writer.sync()
        journal.sync()
    finally:
        writer.close()
        journal.close()
    folder = os.open(new, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _copy(file: StoredFile, columns: Columns, copied: Catalogue, writer: ColumnWriter, journal: JournalWriter) -> None:
    here = slice(file.first_row, file.first_row + file.rows)
    clips = slice(file.first_clip, file.first_clip + file.clips)
    pictures = slice(file.first_picture, file.first_picture + file.picture_bytes)
    rows = np.array(columns.rows[here])
    rows["file"] = len(copied.files)
    # Behind what is copied already, not behind what stood before it.
    rows["first_clip"] = rows["first_clip"] - np.uint64(file.first_clip) + np.uint64(copied.clips)
    rows["picture"] = rows["picture"] - np.uint64(file.first_picture) + np.uint64(copied.picture_bytes)
    checksums = writer.add(
        {
            ROWS: rows.tobytes(),
            VECTORS: columns.vectors[here].tobytes(),
            CLIPS: columns.clips[clips].tobytes(),
            FEATURES: columns.features[clips].tobytes(),
            PICTURES: columns.pictures[pictures].tobytes(),
        },
        sync=False,
    )
    record: Record = {
        "op": "add",
        "path": None,
        "sha256": file.sha256,
        "rows": file.rows,
        "clips": file.clips,
        "picture_bytes": file.picture_bytes,
        "duration_s": file.duration_s,
        "percentile": file.percentile,
        "out_of_domain": file.out_of_domain,
        "checksums": checksums,
    }
    paths: list[Record] = [
        {"op": "path", "file": len(copied.files), "path": path, **stat._asdict()} for path, stat in file.paths.items()
    ]
    for each in (record, *paths):
        journal.add(each, sync=False)
        copied.apply(each)
