"""Compiled graphs on disk, so that a model is compiled once for each machine.

The folder belongs to the user alone. An entry that is damaged, or not this user's own, is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from videobert.base.atomic import write_atomically
from videobert.base.code_trust import opened_code
from videobert.base.errors import InputError
from videobert.base.user_cache import cache_folder, own_folder
from videobert.engines.mapped_entry import MappedEntry

_MAGIC = b"VBCACHE\x02"
# Before the content, so that it begins where a line of the processor's cache does.
_HEAD_BYTES = 64
_SUFFIX = ".compiled"
_MAX_BYTES = 4 << 30


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
            self._folder = None if wanted is None else own_folder(wanted)
        except (OSError, ValueError) as error:  # a value that no path can have
            if folder is not None:
                raise InputError(
                    "the cache folder cannot be used",
                    seen=str(error),
                    allowed="a folder that belongs to you and that others cannot write to",
                    fix="Choose another cache_dir, or correct its owner and mode (0700).",
                    fix_cli="Choose another --cache-dir, or correct its owner and mode (0700).",
                ) from error

    def get(self, key: Mapping[str, object]) -> bytes | None:
        """The entry for this key, if there is a sound one."""
        entry = self.mapped(key)
        return None if entry is None else entry.content.tobytes()

    def mapped(self, key: Mapping[str, object]) -> MappedEntry | None:
        """The same as pages of its file."""
        if self._folder is None:
            return None
        try:
            with opened_code(self._path(self._folder, key), in_cache=True) as file:
                head = file.read(_HEAD_BYTES)
                entry = MappedEntry(file, _HEAD_BYTES)
                # Marks it as used; a cache that cannot be written to still serves.
                with contextlib.suppress(OSError):
                    os.utime(file.fileno())
        except (OSError, ValueError):
            return None
        return entry if head == _head(entry.content.data) else None

    def put(self, key: Mapping[str, object], payload: bytes) -> None:
        """Keep an entry; a full disk is no reason to fail."""
        if self._folder is None:
            return
        head = _head(memoryview(payload))
        path = self._path(self._folder, key)
        with contextlib.suppress(OSError):
            write_atomically(path, lambda file: _write(file, head, payload), mode=0o600)
            self._prune(self._folder, path)

    def _prune(self, folder: Path, newest: Path) -> None:
        found = [(file, file.lstat()) for file in folder.glob(f"*{_SUFFIX}")]
        total = sum(entry.st_size for _, entry in found)
        for file, entry in sorted(found, key=lambda pair: pair[1].st_mtime_ns):
            if total <= self._max_bytes:
                return
            if file != newest:
                file.unlink(missing_ok=True)
                total -= entry.st_size

    @staticmethod
    def _path(folder: Path, key: Mapping[str, object]) -> Path:
        text = json.dumps(dict(key), sort_keys=True, separators=(",", ":"))
        return folder / (hashlib.sha256(text.encode()).hexdigest()[:40] + _SUFFIX)


def _head(content: memoryview) -> bytes:
    return (_MAGIC + hashlib.sha256(content).digest()).ljust(_HEAD_BYTES, b"\0")


def _write(path: Path, head: bytes, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(head)
        file.write(content)
