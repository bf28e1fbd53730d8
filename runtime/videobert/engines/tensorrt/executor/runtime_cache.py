"""Kernels that TensorRT-RTX compiled on this machine, kept on disk so that the next start does not compile again."""

from __future__ import annotations

from typing import Any

from videobert.engines.compiled_cache import CompiledCache


class RuntimeCache:
    """The runtime cache of one plan. The library itself refuses one of another version, GPU or driver.

    Args:
        store: the user's own folder; entries that are damaged or others could have written are as good as none.
        key: everything that the entry depends on: library, version, GPU and the plan's hash.
    """

    def __init__(self, store: CompiledCache, key: dict[str, object]) -> None:
        self._store, self._key = store, {"kind": "tensorrt-rtx runtime cache", **key}
        self._kept: bytes | None = None
        self._runtime_cache: Any = None

    def attach(self, runtime_config: Any) -> None:
        """Give a runtime configuration the cache, filled from disk if there is something that fits."""
        self._runtime_cache = runtime_config.create_runtime_cache()
        self._kept = self._store.get(self._key)
        if self._kept is not None and not self._runtime_cache.deserialize(self._kept):
            self._kept = None
        runtime_config.set_runtime_cache(self._runtime_cache)

    def save(self) -> None:
        """Keep what was compiled since; nothing is written if nothing was."""
        if self._runtime_cache is None:
            return
        held = self._runtime_cache.serialize()
        content = b"" if held is None else bytes(held)
        if content and content != self._kept:
            self._store.put(self._key, content)
            self._kept = content
