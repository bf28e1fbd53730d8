"""Files and folders appear whole or not at all, and one module knows how."""

from __future__ import annotations

import errno
import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from videobert.base import atomic
from videobert.base.atomic import new_folder_atomically, write_atomically, write_together


@pytest.fixture(params=[0o022, 0o077])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def failing(path: Path) -> None:
    (path / "half" if path.is_dir() else path).write_bytes(b"half")
    raise RuntimeError("no more")


def test_a_file_is_replaced_as_a_whole_with_the_mode_of_any_new_file(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "file"
    for content in (b"first", b"second"):
        write_atomically(path, lambda new, content=content: new.write_bytes(content))  # type: ignore[misc]
        assert path.read_bytes() == content
        assert path.stat().st_mode & 0o777 == 0o666 & ~mask
    write_atomically(path, lambda new: new.write_bytes(b"mine"), mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(RuntimeError, match="no more"):
        write_atomically(path, failing)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def little_room() -> Iterator[None]:
    """The end of what this process may write stands for the end of the disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("little_room")
def test_what_safetensors_says_of_a_full_disk_is_an_error_of_the_system(tmp_path: Path) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    path = tmp_path / "file"
    path.write_bytes(b"before")
    for write in (
        lambda: write_atomically(path, lambda new: save_file({"a": np.zeros(1000)}, new)),
        lambda: new_folder_atomically(tmp_path / "f", lambda new: save_file({"a": np.zeros(1000)}, new / "a")),
    ):
        with pytest.raises(OSError, match="too large") as caught:
            write()
        assert caught.value.errno == errno.EFBIG
        assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"before"


def test_other_errors_of_a_library_stay_as_they_are(tmp_path: Path) -> None:
    def write(new: Path) -> None:
        raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        write_atomically(tmp_path / "file", write)


def test_files_that_belong_together_are_written_before_one_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    write_together({first: b"1", second: b"2"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    real, calls = os.chmod, []

    def full(path: str, mode: int) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError("no space left")
        real(path, mode)

    monkeypatch.setattr(atomic.os, "chmod", full)
    with pytest.raises(OSError, match="no space left"):
        write_together({first: b"new", second: b"new"})
    assert (first.read_bytes(), second.read_bytes()) == (b"1", b"2")
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "above" / "folder"
    with pytest.raises(RuntimeError, match="no more"):
        new_folder_atomically(folder, failing)
    assert list(folder.parent.iterdir()) == []
    folder.mkdir()
    new_folder_atomically(folder, lambda new: (new / "file").write_bytes(b"x"))
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert folder.stat().st_mode & 0o777 == 0o755
    with pytest.raises(OSError, match="not empty"):
        new_folder_atomically(folder, lambda new: (new / "other").write_bytes(b"y"))
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert list(folder.parent.iterdir()) == [folder]


def test_nothing_else_moves_temporary_files_into_place() -> None:
    """The kernels import nothing of ours, so they are not asked."""
    root = Path(__file__).resolve().parents[3]
    sources = root / "runtime", root / "modeling"
    assert all(folder.is_dir() for folder in sources)
    own = re.compile(r"os\.(replace|rename)\(|mkstemp\(|mkdtemp\(|NamedTemporaryFile\(")
    found = [path.name for folder in sources for path in folder.rglob("*.py") if own.search(path.read_text("utf-8"))]
    assert found == ["atomic.py"]
