"""Compiled graphs on disk: private, bounded, and never a reason to fail."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from videobert.base.errors import InputError
from videobert.doctor.own_parts import probe_cache
from videobert.engines.compiled_cache import CompiledCache


@pytest.mark.parametrize("mask", [0o002, 0o000])
def test_a_loose_umask_costs_no_entry(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        CompiledCache(tmp_path / "new" / "cache").put({"graph": 1}, b"compiled")
    finally:
        os.umask(before)
    assert CompiledCache(tmp_path / "new" / "cache").get({"graph": 1}) == b"compiled"
    (entry,) = (tmp_path / "new" / "cache").iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o400


@pytest.mark.parametrize("place", ["clip.vbt", "clip.vbt/cache", "clip.vbt/a/b"])
def test_a_file_in_place_of_the_folder_is_told_as_that(tmp_path: Path, place: str) -> None:
    (tmp_path / "clip.vbt").write_bytes(b"tokens")
    with pytest.raises(InputError, match="is no folder") as caught:
        CompiledCache(tmp_path / place)
    assert caught.value.seen == str(tmp_path / place)
    assert caught.value.fix_cli == "Choose another --cache-dir."


def test_a_folder_that_others_can_write_to_is_refused_with_what_mends_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(InputError, match=r"others could change it.*0700"):
        CompiledCache(tmp_path)


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    cache = CompiledCache(None)
    cache.put({"graph": 1}, b"compiled")
    assert cache.get({"graph": 1}) is None
    found = probe_cache()
    assert (found.works, found.detail) == (
        False,
        "this user has no home folder: models are compiled anew each time",
    )


def test_the_doctor_tells_of_a_cache_that_others_can_write_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    CompiledCache(None).put({"graph": 1}, b"compiled")
    assert probe_cache().works
    (tmp_path / "videobert").chmod(0o775)
    assert CompiledCache(None).get({"graph": 1}) is None
    found = probe_cache()
    assert (found.works, found.fix) == (False, f"make it yours alone: chmod 700 {tmp_path / 'videobert'}")


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache", max_bytes=3_200)
    payload = bytes(1_000)
    for number in range(3):
        cache.put({"graph": number}, payload)
        for file in (tmp_path / "cache").iterdir():
            os.utime(file, ns=(0, file.stat().st_mtime_ns - 10**9))
    assert cache.get({"graph": 0}) == payload  # and with that it is the one used last
    cache.put({"graph": 3}, payload)
    assert [cache.get({"graph": number}) for number in range(4)] == [payload, None, payload, payload]
    cache.put({"graph": 4}, bytes(9_000))
    assert [cache.get({"graph": number}) is not None for number in range(5)] == [False] * 4 + [True]


def test_an_entry_lies_in_the_pages_of_its_file(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache")
    payload = os.urandom(100_000)
    cache.put({"graph": 1}, payload)
    entry = cache.mapped({"graph": 1})
    assert entry is not None
    assert entry.content.tobytes() == payload
    entry.leave_memory()
    assert entry.content.tobytes() == payload, "they are read again"
    cache.put({"graph": 1}, b"another")
    entry.leave_memory()
    assert entry.content.tobytes() == payload, "a file that was replaced stays as it was for who has it"


@pytest.mark.parametrize("size", [0, 1, 40, 63, 64])
def test_an_entry_that_was_cut_off_is_none(tmp_path: Path, size: int) -> None:
    cache = CompiledCache(tmp_path / "cache")
    cache.put({"graph": 1}, b"compiled")
    (file,) = (tmp_path / "cache").iterdir()
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:size])
    assert cache.mapped({"graph": 1}) is None
    assert cache.get({"graph": 1}) is None


def test_nothing_may_be_kept(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache")
    cache.put({"graph": 1}, b"")
    assert cache.get({"graph": 1}) == b""


def test_an_entry_holds_under_its_own_name_alone(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache")
    cache.put({"graph": 1}, b"first")
    (first,) = (tmp_path / "cache").iterdir()
    cache.put({"graph": 2}, b"second")
    (second,) = (file for file in (tmp_path / "cache").iterdir() if file != first)
    first.rename(tmp_path / "kept")
    second.rename(first)
    (tmp_path / "kept").rename(second)
    assert (cache.get({"graph": 1}), cache.get({"graph": 2})) == (None, None)
    cache.put({"graph": 1}, b"first")
    assert cache.get({"graph": 1}) == b"first"


def test_what_a_killed_process_left_goes_after_a_while(tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path)
    old, new = (tmp_path / f".{40 * letter}.compiled.abcdefgh" for letter in "ab")
    for file in (old, new):
        file.write_bytes(bytes(100))
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    cache.put({"graph": 1}, b"compiled")
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_what_is_no_entry_does_not_keep_others_from_making_room(what: str, tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache", max_bytes=3_200)
    odd = tmp_path / "cache" / f"{40 * '0'}.compiled"
    if what == "folder":
        odd.mkdir()
    elif what == "link":
        odd.symlink_to(tmp_path / "nowhere")
    else:
        os.mkfifo(odd)
    os.utime(odd, (0, 0), follow_symlinks=False)
    for number in range(8):
        cache.put({"graph": number}, bytes(1_000))
    assert sum(file.lstat().st_size for file in (tmp_path / "cache").iterdir() if file != odd) <= 3_200
    assert cache.get({"graph": 7}) == bytes(1_000)


def test_a_relative_folder_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    cache = CompiledCache(Path("cache"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    cache.put({"graph": 1}, b"compiled")
    assert cache.get({"graph": 1}) == b"compiled"
    assert not list((tmp_path / "elsewhere").iterdir())
