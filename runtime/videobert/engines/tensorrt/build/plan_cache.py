"""Plans that were built before, named by everything that went into them; one build at a time for each."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from videobert.base.errors import InputError, MismatchError
from videobert.base.user_cache import cache_folder
from videobert.engines.compiled_cache import CompiledCache
from videobert.engines.tensorrt.plan_sidecar import PlanSidecar

_LENGTH = struct.Struct("<Q")


class PlanCache:
    """Plans with their sidecars in a folder of the user's cache.

    Args:
        folder: None is `plans` in the user's cache folder.

    Raises:
        InputError: the folder was asked for and cannot be used safely.
    """

    def __init__(self, folder: Path | None = None) -> None:
        cache = cache_folder()
        self._folder = cache / "plans" if folder is None and cache is not None else folder
        self._entries: CompiledCache | None = None
        if self._folder is not None:
            try:
                self._entries = CompiledCache(self._folder)
            except InputError:
                if folder is not None:
                    raise

    def get(self, key: dict[str, Any]) -> tuple[bytes, PlanSidecar] | None:
        """The plan and the sidecar for a key, if there is a sound entry."""
        entry = self._entries.get(key) if self._entries else None
        if entry is None or len(entry) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(entry)[0]
        try:
            sidecar = PlanSidecar.from_bytes(entry[_LENGTH.size : end])
            plan = entry[end:]
            sidecar.check_plan(plan)
        except MismatchError:
            return None
        return plan, sidecar

    def put(self, key: dict[str, Any], plan: bytes, sidecar: PlanSidecar) -> None:
        """Keep a plan; a full disk is no reason to fail."""
        if self._entries is None:
            return
        head = sidecar.to_bytes()
        self._entries.put(key, _LENGTH.pack(len(head)) + head + plan)

    @contextlib.contextmanager
    def locked(self, key: dict[str, Any]) -> Iterator[None]:
        """While it lasts, no other process of this user builds the plan of this key."""
        if self._folder is None:
            yield
            return
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:40]
        try:
            descriptor = os.open(self._folder / f"{name}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            yield  # without a cache folder two builds cost time and nothing else
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
