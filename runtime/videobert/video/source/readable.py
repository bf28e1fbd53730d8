"""What a file must be able to do to be read here, and whether it can go back."""

from __future__ import annotations

from typing import Protocol


class Readable(Protocol):
    """A binary file that can be read."""

    def read(self, size: int, /) -> bytes: ...


class Seekable(Protocol):
    """A binary file that can be read anywhere."""

    def read(self, size: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


def can_seek(file: object) -> bool:
    """Whether a file object has `seek` and `tell` and does not say that they fail."""
    if not (callable(getattr(file, "seek", None)) and callable(getattr(file, "tell", None))):
        return False
    try:
        return bool(getattr(file, "seekable", lambda: True)())
    except Exception:  # whatever a foreign object raises: it is read once, from the front
        return False
