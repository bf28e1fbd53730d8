"""Which builds are believed to be this user's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from videobert.base.code_trust import is_own_build, remember_build, require_own_build
from videobert.base.errors import UntrustedError

DIGEST, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "videobert"


def refusal(digest: str) -> str:
    with pytest.raises(UntrustedError) as raised:
        require_own_build(digest, "engines/x.json", trusted=False)
    return str(raised.value)


def test_only_what_was_remembered_passes_or_what_is_vouched_for(cache: Path) -> None:
    assert "videobert build" in refusal(DIGEST)
    remember_build(DIGEST)
    remember_build(DIGEST)
    require_own_build(DIGEST, "engines/x.json", trusted=False)
    said = refusal(OTHER)
    assert "got engines/x.json" in said
    assert "trust_engines=True (command line: --trust-engines)" in said
    require_own_build(OTHER, "engines/x.json", trusted=True)


@pytest.mark.parametrize("mask", [0o000, 0o002, 0o022, 0o077])
def test_the_folder_is_private_whatever_the_umask(cache: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        remember_build(DIGEST)
    finally:
        os.umask(before)
    for folder in (cache.parent, cache, cache / "built"):
        assert folder.stat().st_mode & 0o777 == 0o700
    require_own_build(DIGEST, "", trusted=False)


@pytest.mark.parametrize("folder", ["videobert", "videobert/built"])
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_can_write_to_proves_nothing(cache: Path, folder: str, mode: int) -> None:
    remember_build(DIGEST)
    (cache.parent / folder).chmod(mode)
    assert "builds are not remembered: mode" in refusal(DIGEST)
    remember_build(OTHER)
    assert not (cache / "built" / OTHER).exists()


def test_without_a_home_nothing_is_remembered_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    remember_build(DIGEST)
    assert "builds are not remembered: this user has no home folder" in refusal(DIGEST)


@pytest.mark.parametrize("digest", ["", ".", "/etc/passwd", "../built", DIGEST.upper(), DIGEST + "0"])
def test_what_is_no_digest_was_built_by_nobody(digest: str, cache: Path) -> None:
    remember_build(DIGEST)
    assert is_own_build(DIGEST)
    assert not is_own_build(digest)
    with pytest.raises(UntrustedError):
        require_own_build(digest, "engines/x.json", trusted=False)
