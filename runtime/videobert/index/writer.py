"""The one writer of an index. What a call has returned from is kept, however the process ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from videobert.base.arguments import local_path
from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError, UsageError
from videobert.index.catalogue import Catalogue, Failed, Stat, StoredFile
from videobert.index.cells import write_cells
from videobert.index.columns import ColumnWriter, lengths_of, map_columns
from videobert.index.compaction import copy_alive
from videobert.index.identity import Head, IndexIdentity, read_head
from videobert.index.index_format import HEAD, LOCK, PICTURES
from videobert.index.index_lock import lock
from videobert.index.journal import JournalWriter, Record
from videobert.index.new_stretches import NewStretches
from videobert.index.reader import catalogue_of, generation_folder

if TYPE_CHECKING:
    from typing import Self

# From here on vectors are put into cells; below, all of them are compared, in a few milliseconds.
CELLS_FROM = 100_000
# So many behind those in cells are compared one by one before the cells are made anew.
_MOST_BEHIND = 50_000
# A copy without what is gone is worth its time from so many rows on, and where they are this share.
_LEAST_DEAD, _DEAD_SHARE = 1_000, 0.25
# A path and an error of a journal's line; longer ones are cut, for a person reads them.
_MOST_ERROR_CHARS = 2_000


class IndexWriter:
    """An index opened for writing; a context manager. For one thread.

    Args:
        folder: of the index; made if it is missing.
        identity: what the vectors are of.

    Raises:
        UsageError: the folder holds something else.
        InputError: another writer has it, or the index is of another version.
        MismatchError: an index of another model or recipe.
        ModelError: it is damaged.
        OSError: it cannot be written.
    """

    def __init__(self, folder: str | Path, identity: IndexIdentity) -> None:
        self.folder = local_path("out", folder)
        self._identity = identity
        _make_room(self.folder)
        self._lock = lock(self.folder)
        self._journal: JournalWriter | None = None
        self._columns: ColumnWriter | None = None
        try:
            if not (self.folder / HEAD).exists():
                self._begin()
            self._open()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def alive_rows(self) -> int:
        """How many stretches can be found."""
        return self._known.alive_rows

    @property
    def videos(self) -> int:
        """How many videos can be found, each once under however many paths."""
        return self._known.videos

    def at(self, path: str) -> tuple[StoredFile, Stat] | None:
        """What is indexed under a path, and the state that the file had then."""
        file = self._known.by_path.get(path)
        return None if file is None else (file, file.paths[path])

    def failed_at(self, path: str) -> Failed | None:
        """Why the file under a path could not be indexed, if it could not."""
        return self._known.failed.get(path)

    def with_hash(self, sha256: str) -> StoredFile | None:
        """The file with this content, under whatever path; see `Catalogue.with_hash`."""
        return self._known.with_hash(sha256)

    def paths(self) -> list[str]:
        """All paths that something is known of."""
        return [*self._known.by_path, *self._known.failed]

    def add(self, path: str, stat: Stat, sha256: str, stretches: NewStretches) -> None:
        """Add a video; what was indexed under its path before is gone in the same moment.

        Raises:
            InputError: the stretches do not fit the index.
            OSError: the disk is full; the index is what it was.
        """
        journal, columns = self._opened()
        known = self._known
        parts = stretches.columns(
            self._identity, file=len(known.files), first_clip=known.clips, first_picture=known.picture_bytes
        )
        self._commit(
            journal,
            {
                "op": "add",
                "path": path,
                "size": stat.size,
                "mtime_ns": stat.mtime_ns,
                "sha256": sha256,
                "rows": len(stretches),
                "clips": stretches.all_clips,
                "picture_bytes": len(parts[PICTURES]),
                "duration_s": stretches.duration_s,
                "percentile": stretches.percentile,
                "out_of_domain": stretches.out_of_domain,
                "checksums": columns.add(parts),
            },
        )

    def add_path(self, path: str, stat: Stat, file: StoredFile) -> None:
        """Say that an indexed content lies under this path, with this state; it may lie under others too."""
        record = {"op": "path", "file": file.number, "path": path, "size": stat.size, "mtime_ns": stat.mtime_ns}
        self._commit(self._opened()[0], record)

    def drop_path(self, path: str) -> None:
        """Forget a path. A content that lies under no other is gone."""
        self._commit(self._opened()[0], {"op": "drop", "path": path})

    def fail(self, path: str, stat: Stat, error: str) -> None:
        """Record that the file under a path cannot be indexed; what was indexed there before is gone.

        Raises:
            InputError: the path is longer than any file's; nothing is recorded.
        """
        said = error[:_MOST_ERROR_CHARS]
        record = {"op": "fail", "path": path, "size": stat.size, "mtime_ns": stat.mtime_ns, "error": said}
        self._commit(self._opened()[0], record)

    def tidy(self, *, threads: int | None = None, on_step: Callable[[str], object] | None = None) -> None:
        """Leave out what is gone, where it is much, and put vectors into cells, where they are many.

        To be called when all is added. A reader that has the index open goes on with what it has.

        Args:
            threads: most that compute.
            on_step: called with what takes its time now.

        Raises:
            EngineUnavailable: faiss is needed and not installed.
            OSError: the disk is full; the index is what it was.
        """
        dead = self._known.rows - self._known.alive_rows
        if dead >= max(_LEAST_DEAD, _DEAD_SHARE * self._known.rows):
            if on_step is not None:
                on_step("leaving out what is gone")
            self.compact()
        behind = self._known.rows - (0 if self._known.cells is None else self._known.cells.rows)
        if self._known.rows >= CELLS_FROM and (self._known.cells is None or behind > _MOST_BEHIND):
            if on_step is not None:
                on_step("grouping vectors")
            self.write_cells(threads=threads)

    def write_cells(self, *, threads: int | None = None) -> None:
        """Put all vectors into cells, see `videobert.index.cells`.

        Raises:
            EngineUnavailable: faiss is not installed.
            OSError: the disk is full; the index is what it was.
        """
        generation = generation_folder(self.folder, self._generation)
        columns = map_columns(generation, self._known, self._identity)
        before = self._known.cells
        name = f"cells-{self._known.rows}"
        size_bytes = write_cells(generation / name, columns.vectors, threads=threads)
        record = {"op": "cells", "name": name, "size_bytes": size_bytes, "rows": self._known.rows}
        self._commit(self._opened()[0], record)
        if before is not None and before.name != name:
            (generation / before.name).unlink(missing_ok=True)

    def compact(self) -> None:
        """Copy what is there to a new generation, without what is gone, and let that take the old one's place.

        Raises:
            OSError: the disk is full; the index is what it was.
        """
        new = generation_folder(self.folder, self._generation + 1)
        old = generation_folder(self.folder, self._generation)
        shutil.rmtree(new, ignore_errors=True)
        try:
            copy_alive(old, self._known, new, self._identity)
            self._write_head(self._generation + 1)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        self._let_go()
        self._open()

    def close(self) -> None:
        """Let go of the index; may be called again."""
        self._let_go()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _opened(self) -> tuple[JournalWriter, ColumnWriter]:
        if self._journal is None or self._columns is None:
            raise UsageError("this index is closed", seen=self.folder, fix="Open it again.")
        return self._journal, self._columns

    def _commit(self, journal: JournalWriter, record: Record) -> None:
        journal.add(record)
        self._known.apply(record)

    def _begin(self) -> None:
        """The first generation, empty, and then the head that makes it an index."""
        generation = generation_folder(self.folder, 1)
        generation.mkdir(exist_ok=True)
        empty = Catalogue(self.folder)
        ColumnWriter(generation, lengths_of(empty, self._identity)).close()
        JournalWriter(generation, 0).close()
        self._write_head(1)

    def _open(self) -> None:
        head = read_head(self.folder)
        head.identity.check(self._identity, self.folder)
        self._generation = head.generation
        generation = generation_folder(self.folder, head.generation)
        # What a writer that was killed has left.
        for each in self.folder.glob("generation-*"):
            if each != generation and each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
        self._known, end = catalogue_of(self.folder, generation)
        self._columns = ColumnWriter(generation, lengths_of(self._known, self._identity))
        self._journal = JournalWriter(generation, end)

    def _write_head(self, generation: int) -> None:
        content = Head(identity=self._identity, generation=generation).content()

        def fill(new: Path) -> None:
            with open(new, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

        write_atomically(self.folder / HEAD, fill)
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _let_go(self) -> None:
        for each in (self._journal, self._columns):
            if each is not None:
                each.close()
        self._journal = self._columns = None


def _make_room(folder: Path) -> None:
    """The folder of an index, made if it is missing; one that holds something else is refused."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {each.name for each in folder.iterdir()}
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(
            "an index is a folder, and there is a file of this name", seen=folder, fix="Choose another name."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(
            f"the folder of the index cannot be made or read: {getattr(error, 'strerror', None) or error}",
            seen=folder,
            fix="Choose another name, or a place that you may write to.",
        ) from error
    # A first writer that was killed leaves no more than this.
    if names and HEAD not in names and not names <= {LOCK, "generation-1"}:
        raise UsageError(
            "this folder holds something else than an index",
            seen=folder,
            allowed="a new or empty folder, or an index",
            fix="Choose another name.",
        )
