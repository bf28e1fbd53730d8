"""What a video may be, and how a file of unknown origin is opened: ordinary local containers and nothing else."""

from __future__ import annotations

import io
import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import av
import av.error
from av.container import InputContainer

from videobert.base.errors import DecodeError, InputError
from videobert.video.source.file_kinds import HEAD_BYTES, is_a_picture, is_sound, picture_format, sound_format
from videobert.video.source.header_notes import HeaderNotes
from videobert.video.source.matroska_header import MAGIC as MATROSKA
from videobert.video.source.matroska_header import matroska_notes
from videobert.video.source.mp4.boxes import check_boxes
from videobert.video.source.mp4.checked_stream import CheckedStream, Readable
from videobert.video.source.mp4.tables import Seekable

# Demuxers of FFmpeg that read one file and nothing else. Playlists and scripts (hls, dash, concat, sdp, …), which
# name further files or addresses, are refused by the library before they read a byte of what they name.
CONTAINERS = {
    "mov": "MP4 or QuickTime",
    "matroska": "Matroska or WebM",
    "avi": "AVI",
    "mpegts": "MPEG transport stream",
    "mpeg": "MPEG program stream",
    "ogg": "Ogg",
    "flv": "Flash Video",
    "asf": "ASF or WMV",
    "mxf": "MXF",
    "ivf": "IVF",
    "obu": "raw AV1",
    "h264": "raw H.264",
    "hevc": "raw HEVC",
    "mpegvideo": "raw MPEG-1 or MPEG-2",
    "m4v": "raw MPEG-4",
    "mjpeg": "raw Motion JPEG",
    "gif": "GIF",
    "apng": "animated PNG",
    "yuv4mpegpipe": "YUV4MPEG",
}

_OPTIONS = {
    "format_whitelist": ",".join(CONTAINERS),
    "protocol_whitelist": "file,pipe",
    # Tracks of a QuickTime file may lie in another file: never follow them. These are the defaults, held fast.
    "enable_drefs": "0",
    "use_absolute_path": "0",
    # Chapters and the index at the end of fragmented files cost more than they declare, and nobody asks for them.
    "ignore_chapters": "1",
    "use_mfra_for": "0",
}

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<MPD", b"<SmoothStreamingMedia", b"<asx", b"v=0\r", b"v=0\n")
_BUFFER_BYTES = 1 << 17
# Of what can be read only once, so much is kept until it is opened: there the header of a Matroska file is.
_KEPT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A file of a kind that is accepted.

    Args:
        container: to be closed by who takes it.
        notes: what its header says and the demuxer keeps to itself.
        shown: what to call it in a message.
    """

    container: InputContainer
    notes: HeaderNotes
    shown: str


def open_path(path: str | os.PathLike[str], max_pixels: int) -> Opened:
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
                _refuse_playlist(head, name)
                notes = _looked_over(file, status.st_size, head)
        elif not stat.S_ISDIR(status.st_mode):
            return _open_file(_Pipe(name), name, max_pixels)
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
    return Opened(_open("file:" + os.path.abspath(name), name, max_pixels, lambda: head), notes, name)


def open_bytes(data: bytes | bytearray | memoryview, max_pixels: int) -> Opened:
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
    _refuse_playlist(bytes(data[:HEAD_BYTES]), "bytes")
    return _open_file(io.BytesIO(data), f"{len(data)} bytes", max_pixels)


def open_file(file: Readable, max_pixels: int) -> Opened:
    """Open a binary file object at its current position; it stays open. Raises as `open_path`."""
    return _open_file(file, f"a {type(file).__name__}", max_pixels)


def is_pipe(path: str | os.PathLike[str]) -> bool:
    """Whether a path is that of a named pipe or a device, which is read once and as its data comes."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


class Rewound:
    """Opens a file object again and again from where it stands now; only once if it cannot be rewound."""

    def __init__(self, file: Readable, max_pixels: int) -> None:
        self._file = file
        self._max_pixels = max_pixels
        self._opened = False
        try:
            self._start: int | None = file.tell() if file.seekable() else None  # type: ignore[attr-defined]
        except Exception:  # whatever a foreign object raises: it cannot be rewound
            self._start = None

    @property
    def repeatable(self) -> bool:
        """Whether the file can be opened more than once."""
        return self._start is not None

    def __call__(self) -> Opened | None:
        """The video, or None if the file was read already and cannot be rewound. Raises as `open_path`."""
        if self._opened:
            if self._start is None:
                return None
            self._file.seek(self._start)  # type: ignore[attr-defined]
        self._opened = True
        return open_file(self._file, self._max_pixels)


def _open(target: Any, shown: str, max_pixels: int, head: Callable[[], bytes]) -> InputContainer:
    """Open what a playlist cannot be; `head` gives the first bytes for a message."""
    try:
        container: InputContainer = av.open(
            target,
            mode="r",
            options={"max_pixels": str(max_pixels)},
            container_options=_OPTIONS,
            metadata_errors="replace",
            buffer_size=_BUFFER_BYTES,
        )
        return container
    except InputError:
        raise
    except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError) as error:
        if format_ := picture_format(head()):
            raise is_a_picture(shown, format_) from error
        if format_ := sound_format(head()):
            raise is_sound(shown, format_) from error
        raise DecodeError(
            "this is not a video file that can be read: damaged, cut short, or of another kind",
            seen=f"{shown} ({getattr(error, 'strerror', None) or error})",
            allowed=", ".join(CONTAINERS.values()),
            fix="Check that the file plays, or convert it to MP4 (H.264).",
        ) from error


def _refuse_playlist(head: bytes, shown: str) -> None:
    """A clear message; the library's white list is what keeps playlists out."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_PLAYLISTS) or (text.startswith(b"<?xml") and any(mark in text for mark in _PLAYLISTS)):
        raise InputError(
            "this is a playlist or script that names other files, not a video",
            seen=shown,
            allowed="a local video file",
            fix="Pass the video file itself.",
        )


def _not_local(name: str) -> InputError:
    return InputError(
        "a video must be a local file; nothing is fetched from a network",
        seen=name,
        allowed="local files only: a path, bytes or a file object",
        fix="Download the video first.",
    )


def _open_file(file: Readable, shown: str, max_pixels: int) -> Opened:
    """Open a file object whose answers cannot be trusted yet, its boxes looked over if it is an MP4."""
    if can_seek(file):
        seekable = _GuardedFile(file)
        size = seekable.seek(0, os.SEEK_END)
        seekable.seek(0)
        head = seekable.read(HEAD_BYTES)
        notes = _looked_over(seekable, size, head)
        seekable.seek(0)
        return Opened(_open(seekable, shown, max_pixels, lambda: head), notes, shown)
    kept = _Keeping(_GuardedReader(file))
    stream = CheckedStream(kept)
    container = _open(stream, shown, max_pixels, kept.head)
    notes = stream.notes
    if kept.head().startswith(MATROSKA):
        notes = matroska_notes(io.BytesIO(kept.kept), len(kept.kept))
    kept.enough()
    return Opened(container, notes, shown)


def _looked_over(file: Seekable, size: int, head: bytes) -> HeaderNotes:
    """Notes on the tracks; raises as `check_boxes`."""
    notes = check_boxes(file, size)
    return matroska_notes(file, size) if head.startswith(MATROSKA) else notes


class _Pipe:
    """A named pipe or a device; open as long as this object lives."""

    def __init__(self, name: str) -> None:
        self._file = os.open(name, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        with suppress(AttributeError):  # it could not be opened
            os.close(self._file)

    def read(self, size: int) -> bytes:
        return os.read(self._file, size)


class _GuardedReader:
    """The library copies what `read` gives into a buffer of its own, so it must be what was asked for."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        # `read` of a buffered pipe waits until it has all that was asked for, or the end: live video would come late.
        buffered_pipe = isinstance(file, (io.BufferedReader, io.BufferedRWPair)) and not can_seek(file)
        self._read: Callable[[int], bytes] = file.read1 if buffered_pipe else file.read  # type: ignore[attr-defined]

    def read(self, size: int) -> bytes:
        try:
            data = self._read(size)
        except Exception as error:
            raise InputError(
                "reading from the file object failed", seen=repr(error), fix="Pass a file that is open for reading."
            ) from error
        if not isinstance(data, (bytes, bytearray, memoryview)) or len(data) > size:
            raise InputError(
                "the file object gave something else than was asked for",
                seen=type(data).__name__ if not isinstance(data, bytes) else f"{len(data)} bytes for {size}",
                allowed="at most that many bytes",
                fix='Open the file in binary mode, "rb".',
            )
        return bytes(data)


class _Keeping:
    """Keeps a copy of the first bytes that pass through until there were enough."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._wanted = _KEPT_BYTES
        self.kept = bytearray()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.kept += data[: max(self._wanted - len(self.kept), 0)]
        return data

    def head(self) -> bytes:
        return bytes(self.kept[:HEAD_BYTES])

    def enough(self) -> None:
        self._wanted, self.kept = 0, bytearray()


class _GuardedFile(_GuardedReader):
    """A file object that can seek.

    The video begins where it stands now: positions are counted from there, as those in the video's tables are.
    """

    def __init__(self, file: Readable) -> None:
        super().__init__(file)
        self._begin = 0
        self._begin = self.tell()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        try:
            position = self._file.seek(offset + self._begin * (whence == os.SEEK_SET), whence)  # type: ignore[attr-defined]
            return int(self._file.tell() if position is None else position) - self._begin  # type: ignore[attr-defined]
        except Exception as error:
            raise InputError("seeking in the file object failed", seen=repr(error)) from error

    def tell(self) -> int:
        try:
            return int(self._file.tell()) - self._begin  # type: ignore[attr-defined]
        except Exception as error:
            raise InputError("the file object cannot tell its position", seen=repr(error)) from error


def can_seek(file: Readable) -> bool:
    """Whether a file object has `seek` and `tell` and does not say that they fail."""
    if not (callable(getattr(file, "seek", None)) and callable(getattr(file, "tell", None))):
        return False
    try:
        return bool(getattr(file, "seekable", lambda: True)())
    except Exception:  # whatever a foreign object raises: it is read once, from the front
        return False
