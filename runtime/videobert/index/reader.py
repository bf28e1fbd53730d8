"""A snapshot of an index, for any number of readers beside a writer."""

from __future__ import annotations

import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import local_path, whole
from videobert.base.errors import InputError
from videobert.index.catalogue import Catalogue, StoredFile
from videobert.index.cells import Cells
from videobert.index.columns import Columns, lengths_of, map_columns
from videobert.index.identity import Head, IndexIdentity, read_head
from videobert.index.index_format import MOST_PICTURE_BYTES, ROWS, UNKNOWN, VECTORS, damaged
from videobert.index.journal import read_journal, records_in
from videobert.index.vector_search import VectorSearch

if TYPE_CHECKING:
    from typing import Self

# Vectors up to this size are held against their checksums whenever an index is opened.
_CHECKED_BYTES = 64 << 20
# Rows that one query may ask for.
MOST_CANDIDATES = 100_000
# A generation may be replaced while it is opened; nobody replaces so many in a row.
_TRIES = 5
_WAIT_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredStretch:
    """A stretch of an indexed video.

    Args:
        row: its number in the index.
        file: of which it is.
        source: a path of that file.
        shot: number of its shot in the file.
        percentile: see `Report`.
        unsure: the model does not stand to what it sees there.
        ids: int32 `(clips,)`, visual tokens; none in a model without.
        features: float32 `(clips, feature_width)`; None where none are kept.
        sure: bool `(clips,)`; None where the model always stands to its tokens.
        clips: their numbers in the video.
        video_start_s: where the first clip of the video begins.
    """

    row: int
    file: StoredFile
    source: str
    start_s: float
    end_s: float
    shot: int
    percentile: float | None
    unsure: bool
    ids: npt.NDArray[np.int32]
    features: npt.NDArray[np.float32] | None
    sure: npt.NDArray[np.bool_] | None
    clips: range
    video_start_s: float


class IndexReader:
    """An index as it was when it was opened; what a writer adds later is not seen. Thread-safe.

    Args:
        folder: of the index.
        check: hold all vectors against their checksums, however many there are.

    Raises:
        InputError: there is no index, or one of another version.
        ModelError: it is damaged.
    """

    def __init__(self, folder: str | Path, *, check: bool = False) -> None:
        self.folder = local_path("index", folder)
        head, known, columns, cells = _snapshot(self.folder)
        self.identity: IndexIdentity = head.identity
        self._known, self._columns = known, columns
        self._alive = known.alive()
        if check or lengths_of(known, head.identity)[VECTORS] <= _CHECKED_BYTES:
            self._check_sums()
        self._search = VectorSearch(columns.vectors, self._alive, cells)

    def __repr__(self) -> str:
        return f"IndexReader({str(self.folder)!r}, {len(self)} stretches of {self.videos} videos)"

    def __len__(self) -> int:
        """How many stretches can be found."""
        return int(self._alive.sum())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The maps go when nobody refers to them."""

    @property
    def videos(self) -> int:
        """How many videos it knows, each once under however many paths."""
        return self._known.videos

    @property
    def in_cells(self) -> int:
        """How many vectors are found by cells; 0 where all are compared exactly."""
        return self._search.in_cells

    def rows(self) -> npt.NDArray[np.int64]:
        """The rows of all stretches that can be found, in order."""
        return np.flatnonzero(self._alive)

    def nearest(
        self, query: npt.NDArray[np.float32], count: int, *, threads: int | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The rows whose vectors have the largest dot products with `query`, and these; best first.

        Args:
            query: float32 `(identity.width,)`.
            count: at most so many.
            threads: most that compute.

        Raises:
            InputError: the query is of another width.
            EngineUnavailable: faiss is not installed.
        """
        query = np.ascontiguousarray(query, np.float32)
        if query.shape != (self.identity.width,) or not np.isfinite(query).all():
            raise InputError(
                "this vector does not fit the index",
                seen=query.shape,
                allowed=f"finite float32 ({self.identity.width},)",
                fix="Use a vector of the model that made the index.",
            )
        whole("count", count, least=1, most=MOST_CANDIDATES, allowed=f"1 to {MOST_CANDIDATES:,}", fix="Ask for fewer.")
        return self._search.nearest(query, count, threads)

    def stretch(self, row: int) -> StoredStretch:
        """What is known of a row.

        Raises:
            ModelError: the index is damaged there.
        """
        stored: Any = self._columns.rows[row]
        file = self._file(int(stored["file"]), row)
        start_s, end_s = float(stored["start_s"]), float(stored["end_s"])
        first, clips = int(stored["first_clip"]), int(stored["clips"])
        inside = file.first_clip <= first and first + clips <= file.first_clip + file.clips
        if not np.isfinite([start_s, end_s]).all() or start_s > end_s or not inside or not clips:
            raise damaged(self.folder, "a stretch lies outside its video", f"row {row}")
        here = self._columns.clips[first : first + clips]
        ids, sure = here["id"].astype(np.int32), here["sure"]
        features = self._columns.features[first : first + clips].astype(np.float32)
        if not np.isfinite(features).all():
            raise damaged(self.folder, "a feature is no number", f"row {row}")
        percentile = float(stored["percentile"])
        return StoredStretch(
            row=row,
            file=file,
            source=next(iter(file.paths), ""),
            start_s=start_s,
            end_s=end_s,
            shot=int(stored["shot"]),
            percentile=percentile if np.isfinite(percentile) else None,
            unsure=bool(stored["unsure"]),
            ids=ids[ids >= 0],
            features=features if self.identity.feature_width else None,
            sure=None if (sure == UNKNOWN).any() else sure.astype(np.bool_),
            clips=range(first - file.first_clip, first - file.first_clip + clips),
            video_start_s=float(self._columns.rows[file.first_row]["start_s"]),
        )

    def vector(self, row: int) -> npt.NDArray[np.float32]:
        """The vector of a row, float32 `(identity.width,)`."""
        return np.array(self._columns.vectors[row])

    def picture(self, row: int) -> bytes:
        """The thumbnail of a row, a JPEG; empty where there is none.

        Raises:
            ModelError: the index is damaged there.
        """
        stored: Any = self._columns.rows[row]
        file = self._file(int(stored["file"]), row)
        start, length = int(stored["picture"]), int(stored["picture_bytes"])
        inside = file.first_picture <= start and start + length <= file.first_picture + file.picture_bytes
        if length and (not inside or length > MOST_PICTURE_BYTES):
            raise damaged(self.folder, "a picture lies outside its video", f"row {row}")
        return self._columns.pictures[start : start + length].tobytes() if length else b""

    def _file(self, number: int, row: int) -> StoredFile:
        files = self._known.files
        if number >= len(files) or not files[number].first_row <= row < files[number].first_row + files[number].rows:
            raise damaged(self.folder, "a stretch is of no video", f"row {row}")
        return files[number]

    def _check_sums(self) -> None:
        columns = {ROWS: self._columns.rows, VECTORS: self._columns.vectors}
        for file in self._known.files:
            if not file.paths:
                continue
            for name, column in columns.items():
                part = column[file.first_row : file.first_row + file.rows]
                if zlib.crc32(part.tobytes()) != file.checksums.get(name):
                    raise damaged(self.folder, f"{name} are not what was written", f"file {file.number}")


def open_index(folder: str | Path, *, check: bool = False) -> IndexReader:
    """An index as it is now, to be asked often: what `Runtime.search` takes in place of its folder.

    Args:
        folder, check: see `IndexReader`.

    Raises:
        InputError: there is no index, or one of another version.
        ModelError: it is damaged.
    """
    return IndexReader(folder, check=check)


def catalogue_of(folder: Path, generation: Path) -> tuple[Catalogue, int]:
    """What the journal of a generation tells, and where it ends.

    Raises:
        ModelError: it is damaged.
        FileNotFoundError: there is none.
    """
    known, end = Catalogue(folder), 0
    for record, place in records_in(folder, read_journal(generation)):
        known.apply(record)
        end = place
    return known, end


def generation_folder(folder: Path, number: int) -> Path:
    """Where a generation lies."""
    return folder / f"generation-{number}"


def _snapshot(folder: Path) -> tuple[Head, Catalogue, Columns, Cells | None]:
    for tried in range(_TRIES):
        head = read_head(folder)
        generation = generation_folder(folder, head.generation)
        try:
            known, _ = catalogue_of(folder, generation)
            columns = map_columns(generation, known, head.identity)
            cells = None
            if known.cells is not None:
                name, size_bytes, rows = known.cells
                width = head.identity.width
                cells = Cells(generation / name, size_bytes=size_bytes, vectors=rows, width=width)
            return head, known, columns, cells
        except FileNotFoundError as error:
            # A writer put another generation, or other cells, in its place in between; or it is not there at all.
            if tried + 1 == _TRIES:
                raise damaged(folder, "a file is missing", error.filename) from error
            time.sleep(_WAIT_S)
    raise AssertionError("the last try returns or raises")
