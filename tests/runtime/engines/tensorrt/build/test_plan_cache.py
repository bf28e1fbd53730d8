"""Plans that were built before: whole, or as good as none."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from videobert.engines.tensorrt.build.plan_cache import PlanCache
from videobert.engines.tensorrt.plan_sidecar import PlanSidecar


def test_a_damaged_cache_entry_is_built_again(tmp_path: Path) -> None:
    key = {"stage": "x"}
    sidecar = PlanSidecar(
        recipe=key,
        sha256=hashlib.sha256(b"plan").hexdigest(),
        size_bytes=4,
        fusion=None,
        expected_attention=0,
        build_s=1.0,
        peak_memory_bytes=1,
    )
    cache = PlanCache(tmp_path / "cache")
    assert cache.get(key) is None
    cache.put(key, b"plan", sidecar)
    assert cache.get(key) == (b"plan", sidecar)
    (entry,) = (tmp_path / "cache").glob("*.compiled")
    content = entry.read_bytes()
    entry.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert cache.get(key) is None
    cache.put(key, b"another", sidecar)
    assert cache.get(key) is None


def test_a_user_without_a_home_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    cache = PlanCache()
    assert cache.get({"stage": "x"}) is None
    with cache.locked({"stage": "x"}):
        pass
