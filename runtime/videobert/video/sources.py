"""What a video may be, and how a file of unknown origin is opened: ordinary local containers and nothing else."""

from __future__ import annotations

import io
import os
import re
import stat
from contextlib import suppress
from typing import Any

import av
import av.error
from av.container import InputContainer

from videobert.errors import DecodeError, InputError
from videobert.video.mp4_boxes import check_boxes
from videobert.video.mp4_stream import CheckedStream, Readable

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


def open_path(path: str | os.PathLike[str], max_pixels: int) -> InputContainer:
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
                head = file.read(4096)
                if not head:
                    raise DecodeError("the video file is empty", seen=name, fix="Copy or download it again.")
                _refuse_playlist(head, name)
                check_boxes(file, status.st_size)
        elif not stat.S_ISDIR(status.st_mode):
            return _open(_checked(_Pipe(name)), name, max_pixels)
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
    return _open("file:" + os.path.abspath(name), name, max_pixels)


def open_bytes(data: bytes | bytearray | memoryview, max_pixels: int) -> InputContainer:
    """Open a file held in memory; raises as `open_path`."""
    if not len(data):
        raise DecodeError("the video is empty", seen="0 bytes")
    _refuse_playlist(bytes(data[:4096]), "bytes")
    return _open(_checked(io.BytesIO(data)), f"{len(data)} bytes", max_pixels)


def open_file(file: Readable, max_pixels: int) -> InputContainer:
    """Open a binary file object at its current position; it stays open. Raises as `open_path`."""
    return _open(_checked(file), f"a {type(file).__name__}", max_pixels)


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

    def __call__(self) -> InputContainer | None:
        """The container, or None if the file was read already and cannot be rewound. Raises as `open_path`."""
        if self._opened:
            if self._start is None:
                return None
            self._file.seek(self._start)  # type: ignore[attr-defined]
        self._opened = True
        return open_file(self._file, self._max_pixels)


def _open(target: Any, shown: str, max_pixels: int) -> InputContainer:
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


def _checked(file: Readable) -> Readable:
    """A file object whose answers can be trusted, its boxes looked over if it is an MP4."""
    if not _can_seek(file):
        return CheckedStream(_GuardedReader(file))
    reader = _GuardedFile(file)
    check_boxes(reader, reader.seek(0, os.SEEK_END))
    reader.seek(0)
    return reader


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

    def read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except Exception as error:
            raise InputError("reading from the file object failed", seen=repr(error)) from error
        if not isinstance(data, (bytes, bytearray, memoryview)) or len(data) > size:
            raise InputError(
                "the file object gave something else than was asked for",
                seen=type(data).__name__ if not isinstance(data, bytes) else f"{len(data)} bytes for {size}",
                allowed="at most that many bytes",
                fix='Open the file in binary mode, "rb".',
            )
        return bytes(data)


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


def _can_seek(file: Readable) -> bool:
    """Whether a file object has `seek` and `tell` and does not say that they fail."""
    if not (callable(getattr(file, "seek", None)) and callable(getattr(file, "tell", None))):
        return False
    try:
        return bool(getattr(file, "seekable", lambda: True)())
    except Exception:  # whatever a foreign object raises: it is read once, from the front
        return False
