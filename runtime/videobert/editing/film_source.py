"""The film that is cut, opened as often as its pictures and each of its tracks of sound are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast

from videobert.base.arguments import local_path
from videobert.base.errors import InputError
from videobert.base.limits import Limits, most_pixels
from videobert.video.source.kind import SourceKind, kind_of
from videobert.video.source.opening import OpenedVideo, open_bytes, open_file, open_path
from videobert.video.source.track_choice import ChosenTrack, choose_track

if TYPE_CHECKING:
    from videobert.video.open import VideoSource

_GENERATE_PTS = 1  # AVFMT_FLAG_GENPTS


class FilmSource:
    """A video that can be read again and again: a path, bytes or a file object that can go back.

    Args:
        video: it; a file object begins where it stands now, and stays the caller's to close.
        track: see `choose_track`.

    Raises:
        InputError: it is read once, or holds no film, such as saved tokens.
        UsageError: what stands for a path gives none.
    """

    def __init__(self, video: VideoSource, track: int | None, limits: Limits) -> None:
        self._video = cast(Any, video)
        self._kind = kind_of(video)
        if self._kind not in (SourceKind.PATH, SourceKind.BYTES, SourceKind.FILE):
            raise InputError(
                "this cannot be cut: a film is read again and again, from its file",
                seen=type(video).__name__,
                allowed="the path of a film, its bytes, or a file object that can go back",
                fix="Save it to a file first, and pass that.",
            )
        if self._kind is SourceKind.PATH:
            local_path("video", video)
        self._track = track
        self._pixels = most_pixels(limits)
        self.limits = limits
        self._begin: int = self._video.tell() if self._kind is SourceKind.FILE else 0

    @property
    def name(self) -> str:
        """The file's name without folders; of what has none, `"video"`."""
        return Path(os.fsdecode(self._video)).name if self._kind is SourceKind.PATH else "video"

    @contextmanager
    def opened(self) -> Iterator[OpenedVideo]:
        """The container, from its beginning; closed at the end of the block. Raises as `open_path`."""
        opened = self._open()
        with opened.container:
            # FFmpeg would make up presentation times, and gets B-frames in AVI wrong.
            opened.container.flags &= ~_GENERATE_PTS
            yield opened

    def track_of(self, opened: OpenedVideo, cancel: Event | None = None) -> ChosenTrack:
        """The video track that is cut; raises as `choose_track`."""
        return choose_track(opened, self._track, cancel)

    def rewind(self) -> None:
        """Let a file object stand where it stood, for who else reads it."""
        if self._kind is SourceKind.FILE:
            self._video.seek(self._begin)

    def is_file(self, path: Path) -> bool:
        """Whether `path` is the film itself, under whatever name."""
        try:
            there = os.stat(path)
            own = os.stat(self._video) if self._kind is SourceKind.PATH else os.fstat(self._video.fileno())
        except Exception:  # there is no such file, or whatever a foreign file object raises that has none
            return False
        return os.path.samestat(there, own)

    def _open(self) -> OpenedVideo:
        if self._kind is SourceKind.PATH:
            return open_path(self._video, self._pixels)
        if self._kind is SourceKind.BYTES:
            return open_bytes(self._video, self._pixels)
        return open_file(_Bookmark(self._video, self._begin), self._pixels)


class _Bookmark:
    """A file object that others read too: each reader goes back to its own place before it reads on."""

    def __init__(self, file: Any, begin: int) -> None:
        self._file, self._begin, self._at = file, begin, begin

    def read(self, size: int, /) -> bytes:
        self._file.seek(self._at)
        data: bytes = self._file.read(size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        if whence == os.SEEK_SET:
            self._at = self._begin + offset
        elif whence == os.SEEK_CUR:
            self._at += offset
        else:
            self._file.seek(offset, whence)
            self._at = self._file.tell()
        return self._at - self._begin

    def tell(self) -> int:
        return self._at - self._begin
