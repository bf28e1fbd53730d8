"""How a video is opened, whatever holds it: a path, a pipe, bytes or a file object."""

from __future__ import annotations

import io
import os
import re
import stat
from dataclasses import dataclass
from typing import Any

from av.container import InputContainer

from videobert.base.errors import DecodeError, InputError
from videobert.video.source.containers import open_container, refuse_playlist
from videobert.video.source.file_kinds import HEAD_BYTES, MATROSKA_MAGIC
from videobert.video.source.header_notes import HeaderNotes
from videobert.video.source.kind import SourceKind
from videobert.video.source.mp4.boxes import check_boxes
from videobert.video.source.readable import Readable, Seekable, can_seek

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
# Of what can be read only once, so much is kept until it is opened: there the header of a Matroska file is.
_KEPT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class OpenedVideo:
    """A file of a kind that is accepted.

    Args:
        container: to be closed by who takes it.
        notes: what its header says and the demuxer keeps to itself.
        shown: what to call it in a message.
    """

    container: InputContainer
    notes: HeaderNotes
    shown: str


class VideoOpener:
    """Opens an encoded video again and again, as often as its source allows; file objects from where they stand now.

    Args:
        source: of a kind that is encoded, and stays the caller's to close.
        kind: see `kind_of`.
        max_pixels: see `open_container`.

    Attributes:
        repeatable: whether the source gives the same again when it is opened again.
    """

    def __init__(self, source: Any, kind: SourceKind, max_pixels: int) -> None:
        self._source, self._kind, self._max_pixels = source, kind, max_pixels
        self._opened = False
        self._start = _position(source) if kind is SourceKind.FILE else None
        self.repeatable = kind in (SourceKind.PATH, SourceKind.BYTES) or self._start is not None

    def __call__(self) -> OpenedVideo | None:
        """The video, or None if it was read already and cannot be read again. Raises as `open_path`."""
        again, self._opened = self._opened, True
        if again and not self.repeatable:
            return None
        if self._kind.is_path:
            return open_path(self._source, self._max_pixels)
        if self._kind is SourceKind.BYTES:
            return open_bytes(self._source, self._max_pixels)
        if again:
            self._source.seek(self._start)
        return open_file(self._source, self._max_pixels)


def open_path(path: str | os.PathLike[str], max_pixels: int) -> OpenedVideo:
    """Open a local file.

    Raises:
        InputError: it is a URL, missing, unreadable or a directory.
        DecodeError: it is empty, or no video container that is accepted.
    """
    name = os.fspath(path)
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if "://" in name and _URL.match(name):
        raise _not_local(name)
    try:
        status = os.stat(name)
        if stat.S_ISREG(status.st_mode):
            with open(name, "rb") as file:
                head = file.read(HEAD_BYTES)
                if not head:
                    raise DecodeError("the video file is empty", seen=name, fix="Copy or download it again.")
                refuse_playlist(head, name)
                notes = _looked_over(file, status.st_size, head)
        elif not stat.S_ISDIR(status.st_mode):
            from videobert.video.source.file_objects import Pipe

            return _open_file(Pipe(name), name, max_pixels)
    except FileNotFoundError as error:
        if _URL.match(name):
            raise _not_local(name) from error
        raise InputError("there is no such video file", seen=name, fix="Check the path.") from error
    except PermissionError as error:
        raise InputError("the video file may not be read", seen=name, fix="Check its permissions.") from error
    except (OSError, ValueError) as error:
        raise InputError("the video file cannot be opened", seen=f"{name} ({error})", fix="Check the path.") from error
    if stat.S_ISDIR(status.st_mode):
        raise InputError("a video file is needed, not a directory", seen=name, fix="Pass the path of one file.")
    # An absolute path behind "file:" is never taken for another protocol, whatever the name looks like.
    return OpenedVideo(open_container("file:" + os.path.abspath(name), name, max_pixels, lambda: head), notes, name)


def open_bytes(data: bytes | bytearray | memoryview, max_pixels: int) -> OpenedVideo:
    """Open a file held in memory; raises as `open_path`."""
    try:
        view = memoryview(data)
        # Items of several bytes, or with others in between, are the bytes that they are in order.
        data = view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes()
    except (TypeError, ValueError) as error:  # it was released
        raise InputError(
            "the bytes of the video cannot be read", seen=str(error), fix="Pass them before they are released."
        ) from error
    if not len(data):
        raise DecodeError("the video is empty", seen="0 bytes", fix="Read it again, from its beginning.")
    refuse_playlist(bytes(data[:HEAD_BYTES]), "bytes")
    return _open_file(io.BytesIO(data), f"{len(data)} bytes", max_pixels)


def open_file(file: Readable, max_pixels: int) -> OpenedVideo:
    """Open a binary file object at its current position; it stays open. Raises as `open_path`."""
    return _open_file(file, f"a {type(file).__name__}", max_pixels)


def _position(file: Any) -> int | None:
    try:
        position: int = file.tell()
    except Exception:  # whatever a foreign object raises: it cannot be rewound
        return None
    return position


def _not_local(name: str) -> InputError:
    return InputError(
        "a video must be a local file; nothing is fetched from a network",
        seen=name,
        allowed="local files only: a path, bytes or a file object",
        fix="Download the video first.",
    )


def _open_file(file: Readable, shown: str, max_pixels: int) -> OpenedVideo:
    """Open a file object whose answers cannot be trusted yet, its boxes looked over if it is an MP4."""
    # First used here: most videos are files, and the library opens those itself.
    from videobert.video.source.file_objects import BeginningKept, CheckedFile, CheckedReader

    if can_seek(file):
        seekable = CheckedFile(file)
        size = seekable.seek(0, os.SEEK_END)
        seekable.seek(0)
        head = seekable.read(HEAD_BYTES)
        notes = _looked_over(seekable, size, head)
        seekable.seek(0)
        return OpenedVideo(open_container(seekable, shown, max_pixels, lambda: head), notes, shown)
    from videobert.video.source.mp4.checked_stream import CheckedStream

    kept = BeginningKept(CheckedReader(file), _KEPT_BYTES)
    stream = CheckedStream(kept)
    container = open_container(stream, shown, max_pixels, kept.head)
    notes = stream.notes
    if kept.head().startswith(MATROSKA_MAGIC):
        notes = _matroska_notes(io.BytesIO(kept.kept), len(kept.kept))
    kept.enough()
    return OpenedVideo(container, notes, shown)


def _looked_over(file: Seekable, size: int, head: bytes) -> HeaderNotes:
    """Notes on the tracks; raises as `check_boxes`."""
    notes = check_boxes(file, size)
    return _matroska_notes(file, size) if head.startswith(MATROSKA_MAGIC) else notes


def _matroska_notes(file: Seekable, size: int) -> HeaderNotes:
    # Most videos are not of this kind.
    from videobert.video.source.matroska_header import matroska_notes

    return matroska_notes(file, size)
