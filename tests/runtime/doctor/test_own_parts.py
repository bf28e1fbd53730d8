"""What the install itself brings is judged where it lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert.doctor.own_parts import probe_cache


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = probe_cache()
    assert not found.works
    assert "XDG_CACHE_HOME" in str(found.fix)


def test_the_cache_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert probe_cache().works
    assert not (tmp_path / "videobert").exists()
    (tmp_path / "videobert").mkdir()
    (tmp_path / "videobert" / "x.compiled").write_bytes(bytes(3_000_000))
    assert "1 compiled graphs, 3.0 MB" in probe_cache().detail
