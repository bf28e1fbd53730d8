"""What torch's compilers keep lies below our cache folder, unless the user says otherwise."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from videobert.engines.compiler_folders import compiler_folders

_NAMES = ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _NAMES:
        monkeypatch.setenv(name, "")  # so that it is put back whatever the test leaves
        monkeypatch.delenv(name)


def test_they_lie_below_the_folder_asked_for(tmp_path: Path) -> None:
    with compiler_folders(tmp_path / "ours"):
        assert [os.environ[name] for name in _NAMES] == [str(tmp_path / "ours/torch"), str(tmp_path / "ours/triton")]
        os.environ[_NAMES[0]] = "torch writes here itself what it found"
    assert not {*_NAMES} & {*os.environ}
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o700


def test_none_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with compiler_folders(None):
        assert os.environ["TRITON_CACHE_DIR"] == str(tmp_path / "videobert" / "triton")


def test_what_the_user_named_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", "mine")
    with compiler_folders(tmp_path):
        assert os.environ["TRITON_CACHE_DIR"] == "mine"
        assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "torch")
    assert os.environ["TRITON_CACHE_DIR"] == "mine"


def test_a_folder_that_cannot_be_used_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with compiler_folders(tmp_path / "file"):
        assert not {*_NAMES} & {*os.environ}


def test_the_folders_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """A compiler would make them as the umask says, and they would be refused when they are met again."""
    before = os.umask(0o002)
    try:
        for _ in range(2):
            with compiler_folders(tmp_path / "cache"):
                used = [os.environ.get(name) for name in _NAMES]
                for folder in used:
                    assert folder is not None
                    Path(folder).mkdir(exist_ok=True)
                    assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_one_folder_that_others_may_write_to_costs_the_other_nothing(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch").chmod(0o777)
    tmp_path.chmod(0o700)
    with compiler_folders(tmp_path):
        assert os.environ.get("TORCHINDUCTOR_CACHE_DIR") is None
        assert os.environ["TRITON_CACHE_DIR"] == str(tmp_path / "triton")
