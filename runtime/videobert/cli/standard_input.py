"""`-` in place of a video: the bytes of standard input, a video or what was saved of one, from a pipe or a file."""

from __future__ import annotations

import io
import os
import stat
import sys

from videobert.base.errors import DecodeError, LimitExceeded, UsageError
from videobert.visual.token_file import begins_as_token_file, most_bytes
from videobert.visual.tokens import VisualTokens
from videobert.visual.video_feature_file import MOST_BYTES, begins_as_video_features
from videobert.visual.video_features import VideoFeatures

NAME = "standard input"
_HEAD_BYTES = 4096
# An MP4 from a pipe whose header lies behind its film is held in memory up to this size: it cannot be read otherwise.
_MOST_HELD_BYTES = 256 << 20
# Boxes that may stand in front of an MP4's film and header.
_IN_FRONT = (b"ftyp", b"free", b"skip", b"wide", b"uuid")


class HeldInput(io.BytesIO):
    """Standard input, read to its end."""

    name = NAME


class StandardInput:
    """A binary file for `Runtime`'s verbs. A pipe is read once, as its bytes come; a redirected file can be sought in.

    Args:
        descriptor: of the operating system.
    """

    name = NAME

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ahead = b""
        os.set_blocking(descriptor, True)

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, as soon as there are any; none at the end."""
        part, self._ahead = self._ahead[:size], self._ahead[size:]
        return part or os.read(self._descriptor, size)

    def seekable(self) -> bool:
        """Whether it is an ordinary file."""
        return stat.S_ISREG(os.fstat(self._descriptor).st_mode)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to a position of the file."""
        if whence == os.SEEK_CUR:
            offset -= len(self._ahead)
        self._ahead = b""
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        """The position in the file."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR) - len(self._ahead)

    def head(self) -> bytes:
        """The first bytes, 4096 unless there are fewer; they are still to be read."""
        self._ahead = self.read_all(_HEAD_BYTES)
        return self._ahead

    def read_all(self, most: int) -> bytes:
        """All that is left, at most `most` bytes, waiting for them."""
        parts = []
        while most > 0 and (part := self.read(most)):
            parts.append(part)
            most -= len(part)
        return b"".join(parts)


def read_standard_input() -> StandardInput | HeldInput | VisualTokens | VideoFeatures:
    """What standard input holds: saved tokens or features if it is a file of those, else a video to be read.

    Raises:
        LimitExceeded: an MP4 from a pipe that must be held in memory, and is too large for that.
        UsageError: a terminal is there, or nothing.
        DecodeError: it is empty.
        InputError: a token file or a feature file that is damaged.
    """
    stream = sys.stdin
    if stream is None or stream.closed:
        raise UsageError("`-` reads standard input, which is closed", fix="Name a video, or pipe one in.")
    if stream.isatty():
        raise UsageError(
            "`-` reads a video from standard input, which is this terminal",
            allowed="a pipe or a file, as in `videobert run - < clip.mp4`",
            fix="Name a video, or pipe one in; `./-` is a file of that name.",
        )
    given = StandardInput(stream.fileno())
    head = given.head()
    if not head:
        raise DecodeError("standard input is empty", fix="Look whether what should write the video has ended early.")
    if begins_as_token_file(head):
        return VisualTokens.from_bytes(given.read_all(most_bytes() + 1))
    if begins_as_video_features(head):
        return VideoFeatures.from_bytes(given.read_all(MOST_BYTES + 1))
    if given.seekable() or not _film_comes_first(head):
        return given
    content = given.read_all(_MOST_HELD_BYTES + 1)
    if len(content) > _MOST_HELD_BYTES:
        raise LimitExceeded(
            "the header of this MP4 lies behind its film, and a pipe cannot go back",
            seen=f"more than {_MOST_HELD_BYTES} bytes",
            allowed=f"{_MOST_HELD_BYTES} bytes, which are held in memory",
            fix="Save it to a file first, or write it with its header in front (faststart).",
        )
    return HeldInput(content)


def _film_comes_first(head: bytes) -> bool:
    """Whether it is an MP4 whose film (`mdat`) stands before its header (`moov`)."""
    start = 0
    while len(box := head[start : start + 8]) == 8:
        size, kind = int.from_bytes(box[:4]), box[4:]
        if kind not in _IN_FRONT or size < 8:
            return kind == b"mdat"
        start += size
    return False
