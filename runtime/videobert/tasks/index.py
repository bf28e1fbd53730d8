"""`index`: folders of videos as an index that `search` asks."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any

from videobert.base.arguments import callback, flag, items, local_path
from videobert.base.cancelling import stop_if
from videobert.base.errors import Cancelled, DeviceError, EngineUnavailable, InputError, ModelError, UsageError
from videobert.index.catalogue import Stat
from videobert.index.faiss_library import faiss_library
from videobert.index.identity import IndexIdentity
from videobert.index.writer import IndexWriter
from videobert.pipeline.folder_search import videos_in
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.request import Request
from videobert.pipeline.stretches import identity_of, new_stretches, see_video
from videobert.results.index import FileState, Indexed, IndexedFile

OnFile = Callable[[IndexedFile], object]
OnBegin = Callable[[str, int, int], object]

# Folders and files that may be named in one call.
_MOST_NAMED = 1_000_000
_BLOCK_BYTES = 1 << 20
# No file has this state, so one that failed with it is tried again.
_AGAIN = Stat(-1, -1)


def index(
    opened: OpenedModel,
    videos: Any,
    out: str | Path,
    retry: bool,
    on_begin: OnBegin | None,
    on_file: OnFile | None,
    request: Request,
) -> Indexed:
    """See `Runtime.index`."""
    for name, called in (("on_begin", on_begin), ("on_file", on_file)):
        callback(name, called)
    again = flag("retry", retry)
    named = _named(videos)
    identity = identity_of(opened, request.stride)
    opened.check_sees()
    # Before hours of work: whoever indexes wants to search.
    faiss_library()
    todo = _Todo(named)
    with IndexWriter(out, identity) as writer:
        run = _Run(opened, writer, identity, request, again, on_file)
        for error in todo.unread:
            run.tell(IndexedFile(source=str(error.seen), state="failed", error=str(error)))
        for path in todo.gone(writer.paths()):
            writer.drop_path(path)
            run.tell(IndexedFile(source=path, state="removed"))
        for number, path in enumerate(todo.paths):
            stop_if(request.cancel)
            if on_begin is not None:
                on_begin(path, number, len(todo.paths))
            run.file(path)
        writer.tidy(threads=opened.threads)
        return Indexed(
            index=str(writer.folder),
            files=tuple(run.files),
            videos=writer.videos,
            stretches=writer.alive_rows,
            origin=opened.resting_on(opened.origin(request.stride), "embeds", video=True),
        )


class _Todo:
    """The files of folders and those that were named, each once, as absolute paths.

    Attributes:
        paths: in order.
        unread: folders that could not be read.
    """

    def __init__(self, named: Iterable[str]) -> None:
        found: dict[str, None] = {}
        self._roots: list[str] = []
        self.unread: list[InputError] = []
        for each in named:
            path = os.path.abspath(each)
            if not os.path.isdir(path):
                found[path] = None
                continue
            self._roots.append(path)
            for one in videos_in(path):
                if isinstance(one, InputError):
                    # A folder without videos is an answer too: those that it had are gone.
                    if str(one.seen) != path or not os.access(path, os.R_OK | os.X_OK):
                        self.unread.append(one)
                else:
                    found[one] = None
        self.paths = list(found)

    def gone(self, known: Iterable[str]) -> list[str]:
        """Of paths that are indexed, those that lay in the folders and do not any more, where those could be read."""
        unread = [str(error.seen) for error in self.unread]
        there = set(self.paths)
        return [
            path for path in known if path not in there and _inside(path, self._roots) and not _inside(path, unread)
        ]


class _Run:
    """One call: what became of each file so far."""

    def __init__(
        self,
        opened: OpenedModel,
        writer: IndexWriter,
        identity: IndexIdentity,
        request: Request,
        again: bool,
        on_file: OnFile | None,
    ) -> None:
        self._opened, self._writer, self._identity = opened, writer, identity
        self._request, self._again, self._on_file = request, again, on_file
        self.files: list[IndexedFile] = []

    def tell(self, file: IndexedFile) -> None:
        """What became of a file is in the index: now it may be told."""
        self.files.append(file)
        if self._on_file is not None:
            self._on_file(file)

    def file(self, path: str) -> None:
        """Bring the index up to date with a file."""
        writer = self._writer
        try:
            stat = _stat(path)
            known = writer.at(path)
            if known is not None and known[1] == stat:
                self.tell(IndexedFile(source=path, state="unchanged", stretches=known[0].rows))
                return
            failed = writer.failed_at(path)
            if failed is not None and failed.stat == stat and not self._again:
                self.tell(IndexedFile(source=path, state="failed", error=failed.error))
                return
            sha256 = self._hash(path)
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            why = getattr(error, "strerror", None) or error
            self._failed(path, _AGAIN, f"the file cannot be read: {why}")
            return
        same = writer.with_hash(sha256)
        if same is not None:
            copied = any(_is_there(other, then) for other, then in same.paths.items() if other != path)
            as_before = known is not None and known[0] is same
            writer.add_path(path, stat, same)
            state: FileState = "unchanged" if as_before else "copied" if copied else "moved"
            self.tell(IndexedFile(source=path, state=state, stretches=same.rows))
            return
        self._read(path, stat, sha256, known is not None)

    def _read(self, path: str, stat: Stat, sha256: str, changed: bool) -> None:
        try:
            seen = see_video(self._opened, path, self._request, pictures=True)
            stretches = new_stretches(self._opened, seen, self._identity, self._request)
            # One that was written to while it was read is neither what it was nor what it is now.
            if _stat(path) != stat:
                raise InputError("the file changed while it was read", seen=path, fix="Index it again.")
        except (Cancelled, DeviceError, EngineUnavailable):
            raise
        except (InputError, ModelError) as error:
            self._failed(path, stat, str(error))
            return
        except Exception as error:  # whatever it is, the other files are none the worse; it is tried again next time
            self._failed(path, _AGAIN, f"{type(error).__name__}: {error}")
            return
        self._writer.add(path, stat, sha256, stretches)
        self.tell(IndexedFile(source=path, state="changed" if changed else "added", stretches=len(stretches)))

    def _failed(self, path: str, stat: Stat, error: str) -> None:
        # One longer than any file's name is told, and there is nothing to keep of it.
        with suppress(InputError):
            self._writer.fail(path, stat, error)
        self.tell(IndexedFile(source=path, state="failed", error=error))

    def _hash(self, path: str) -> str:
        found = hashlib.sha256()
        with open(path, "rb") as file:
            while block := file.read(_BLOCK_BYTES):
                stop_if(self._request.cancel)
                found.update(block)
        return found.hexdigest()


def _named(videos: Any) -> list[str]:
    """The folders and files that were given: one, or an iterable of them."""
    if isinstance(videos, (str, os.PathLike)):
        return [os.fspath(local_path("videos", videos))]
    given = items("videos", videos, most=_MOST_NAMED, of="paths", example='["holidays", "film.mp4"]')
    if not given:
        raise UsageError(
            "there is nothing to index", seen="no path", allowed="folders and video files", fix="Name one."
        )
    return [os.fspath(local_path("videos", each)) for each in given]


def _stat(path: str) -> Stat:
    try:
        found = os.stat(path)
    except ValueError as error:  # half a surrogate, or a null byte
        raise OSError(errno.EINVAL, "no file has such a name") from error
    if not S_ISREG(found.st_mode):
        # A pipe would be waited for, and a device may have no end.
        raise OSError(errno.EINVAL, "it is no plain file")
    return Stat(found.st_size, found.st_mtime_ns)


def _is_there(path: str, then: Stat) -> bool:
    try:
        return _stat(path) == then
    except OSError:
        return False


def _inside(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)
