"""Compiled graphs on disk, and what was measured with them, so that both are made once for each machine.

The folder belongs to the user alone. An entry that is damaged, or not this user's own, is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert.base.code_trust import opened_code
from videobert.base.errors import InputError
from videobert.base.user_cache import cache_folder, own_folder
from videobert.engines.mapped_entry import MappedEntry

_MAGIC = b"VBCACHE\x03"
# Before the content, so that it begins where a line of the processor's cache does.
_HEAD_BYTES = 64
_SUFFIX = ".compiled"
_MAX_BYTES = 4 << 30
# What is being written has another name meanwhile; a process that was killed leaves it.
_LEFT = f".*{_SUFFIX}.*"
_LEFT_AFTER_S = 3600.0
# Read by mapping: what would write into it in place, under a model that is open, is told that it may not.
_MODE = 0o400


class CompiledCache:
    """Entries named by everything that went into them.

    Args:
        folder: where to keep them; None is `$XDG_CACHE_HOME/videobert`, or no cache at all where that cannot be used.
        max_bytes: when the entries are larger together, those not used for longest go; the newest always stays.

    Raises:
        InputError: the folder was asked for and cannot be used safely.
    """

    def __init__(self, folder: Path | None, max_bytes: int = _MAX_BYTES) -> None:
        self._folder: Path | None = None
        self._max_bytes = max_bytes
        wanted = cache_folder() if folder is None else folder
        try:
            # Absolute: the current folder may be another one by the time that a graph is compiled.
            self._folder = None if wanted is None else own_folder(wanted.absolute())
        except (OSError, ValueError) as error:  # a value that no path can have
            if folder is None:
                return
            is_none = isinstance(error, (FileExistsError, NotADirectoryError))
            way = "." if is_none else ", or correct its owner and mode (0700)."
            raise InputError(
                "the cache folder cannot be used" + (": it, or what it would lie in, is no folder" if is_none else ""),
                seen=str(folder if is_none else error),
                allowed="a folder that belongs to you and that others cannot write to",
                fix=f"Choose another cache_dir{way}",
                fix_cli=f"Choose another --cache-dir{way}",
            ) from error

    def get(self, key: Mapping[str, object]) -> bytes | None:
        """The entry for this key, if there is a sound one."""
        entry = self.mapped(key)
        return None if entry is None else entry.content.tobytes()

    def mapped(self, key: Mapping[str, object]) -> MappedEntry | None:
        """The same as pages of its file."""
        if self._folder is None:
            return None
        name = _name(key)
        try:
            with opened_code(self._folder / name, in_cache=True) as file:
                head = file.read(_HEAD_BYTES)
                entry = MappedEntry(file, _HEAD_BYTES)
                # Marks it as used; a cache that cannot be written to still serves.
                with contextlib.suppress(OSError):
                    os.utime(file.fileno())
        except (OSError, ValueError):
            return None
        return entry if head == _head(name, entry.content.data) else None

    def put(self, key: Mapping[str, object], payload: bytes) -> None:
        """Keep an entry; a full disk is no reason to fail."""
        if self._folder is None:
            return
        name = _name(key)
        head, path = _head(name, memoryview(payload)), self._folder / name
        with contextlib.suppress(OSError):
            write_atomically(path, lambda file: _write(file, head, payload), mode=_MODE)
            self._prune(self._folder, path)

    def _prune(self, folder: Path, newest: Path) -> None:
        found = [(file, status) for file in folder.glob(f"*{_SUFFIX}") if (status := _status(file)) is not None]
        total = sum(status.st_size for _, status in found)
        for file, status in sorted(found, key=lambda pair: pair[1].st_mtime_ns):
            if total <= self._max_bytes:
                break
            if file != newest:
                _remove(file)
                total -= status.st_size
        for file in folder.glob(_LEFT):
            left = _status(file)
            if left is not None and left.st_mtime < time.time() - _LEFT_AFTER_S:
                _remove(file)


def _name(key: Mapping[str, object]) -> str:
    text = json.dumps(dict(key), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40] + _SUFFIX


def _status(file: Path) -> os.stat_result | None:
    """Of a plain file; None of anything else, or of one that is gone by now."""
    try:
        status = file.lstat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _remove(file: Path) -> None:
    """One that cannot be removed is no reason to keep the others."""
    with contextlib.suppress(OSError):
        file.unlink()


def _head(name: str, content: memoryview) -> bytes:
    """What an entry begins with: it holds for this content under this name alone."""
    digest = hashlib.sha256(name.encode())
    digest.update(content)
    return (_MAGIC + digest.digest()).ljust(_HEAD_BYTES, b"\0")


def _write(path: Path, head: bytes, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(head)
        file.write(content)
