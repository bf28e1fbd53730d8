"""One rule for every file of compiled code, whoever reads it: kernels, engines, and what is kept in caches."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from videobert.base import user_cache
from videobert.base.code_trust import opened_code, read_code
from videobert.base.errors import MismatchError, ModelError
from videobert.engines.compiled_cache import CompiledCache

REBUILD = "Build it again."
KEY = {"graph": "a"}


def of_a_stranger(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    os.chown(path, 12345, -1)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], None]] = {
    "group": lambda path: path.chmod(0o664),
    "anyone": lambda path: path.chmod(0o646),
    "stranger": of_a_stranger,
    "link": linked,
    "pipe": a_pipe,
    "folder": a_folder,
}


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "code"
    path.write_bytes(b"code")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_others_could_have_changed_is_not_read(damage: str, code: Path) -> None:
    DAMAGES[damage](code)
    with pytest.raises(ModelError, match="cannot be used") as raised:
        read_code(code, 99, REBUILD)
    assert raised.value.fix is not None
    assert raised.value.fix.startswith(REBUILD)
    assert "chmod go-w" in raised.value.fix


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_cache_of_compiled_graphs_keeps_to_it(damage: str, tmp_path: Path) -> None:
    cache = CompiledCache(tmp_path / "cache")
    cache.put(KEY, b"compiled")
    assert cache.get(KEY) == b"compiled"
    (entry,) = (tmp_path / "cache").iterdir()
    DAMAGES[damage](entry)
    assert cache.get(KEY) is None


def test_a_file_of_root_is_as_good_as_ones_own(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if code.stat().st_uid != 0:
        pytest.skip("only root has files of root")
    monkeypatch.setattr(user_cache.os, "getuid", lambda: 12345)
    with opened_code(code) as file:
        assert file.read() == b"code"


def test_a_missing_file_and_a_large_one_are_named(code: Path) -> None:
    assert read_code(code, 4, REBUILD) == b"code"
    with pytest.raises(MismatchError, match="code is larger than it should be; allowed: 3 bytes"):
        read_code(code, 3, REBUILD)
    with pytest.raises(ModelError, match=r"nothing is missing\. Build it again"):
        read_code(code.with_name("nothing"), 4, REBUILD)
