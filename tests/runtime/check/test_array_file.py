"""A file of arrays is not trusted: what is no plain array, or larger than it may be, is a typed error."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError, LimitExceeded
from videobert.check import array_file
from videobert.check.array_file import read_arrays, write_arrays


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return path


def npy(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def packed(path: Path, how: int, content: bytes) -> Path:
    """A file whose one array is damaged behind the beginning of what is packed."""
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("a.npy", content)
    damaged = bytearray(path.read_bytes())
    for place in range(60, 200):
        damaged[place] ^= 0x5A
    path.write_bytes(bytes(damaged))
    return path


def twice(path: Path, content: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
        archive.writestr("a.npy", content)
        archive.writestr("a.npy", content)
    return path


def test_arrays_come_back_as_they_were_written(tmp_path: Path) -> None:
    arrays = {
        "encoder.ids": np.arange(6).reshape(2, 3),
        "mask": np.array([True, False]),
        "openvino/a.b": np.zeros((0, 2), np.float16),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "one": np.float64(3.5),
    }
    write_arrays(tmp_path / "a.npz", arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_compressed_files_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", ids=np.ones((50, 50), np.int8))
    assert read_arrays(tmp_path / "a.npz")["ids"].sum() == 2500


def planted(tmp_path: Path) -> dict[str, Path]:
    """Files that must not be read, by what is said of them."""
    whole = npy(np.arange(1000.0))
    (tmp_path / "text.npz").write_text("no archive at all")
    np.save(tmp_path / "single.npy", np.zeros(3))
    np.savez(tmp_path / "objects.npz", a=np.array([{}, None], dtype=object))
    plain = (tmp_path / "plain.npz", {"a": np.arange(1000.0)})
    np.savez(plain[0], **plain[1])
    content = bytearray(plain[0].read_bytes())
    content[5000] ^= 0xFF
    (tmp_path / "bits.npz").write_bytes(bytes(content))
    (tmp_path / "short.npz").write_bytes(plain[0].read_bytes()[:4000])
    claims = whole.replace(b"(1000,)", b"(9**9,)")
    return {
        "there is no such file": tmp_path / "none.npz",
        "is a folder": tmp_path,
        "text.npz cannot be read": tmp_path / "text.npz",
        "single.npy cannot be read": tmp_path / "single.npy",
        "holds Python objects": tmp_path / "objects.npz",
        "bits.npz cannot be read": tmp_path / "bits.npz",
        "short.npz cannot be read": tmp_path / "short.npz",
        "holds something that is no array": npz(tmp_path / "other.npz", **{"a.txt": b"x"}),
        "cut.npz: a.npy is not as long": npz(tmp_path / "cut.npz", a__npy=whole[:-8]),
        "claims.npz cannot be read": npz(tmp_path / "claims.npz", a__npy=claims),
        "huge.npz: a.npy is not as long": npz(
            tmp_path / "huge.npz", a__npy=whole.replace(b"(1000,), }     ", b"(99999999,), } ")
        ),
        # What numpy's own reader of a header, and what zipfile's of each packing, raise of their own.
        "keys.npz cannot be read": npz(tmp_path / "keys.npz", a__npy=header(b"{[]: 1}")),
        "deep.npz cannot be read": npz(tmp_path / "deep.npz", a__npy=header(b"-" * 9000 + b"1")),
        "open.npz cannot be read": npz(tmp_path / "open.npz", a__npy=header(b"(" * 9000)),
        "lzma.npz cannot be read": packed(tmp_path / "lzma.npz", zipfile.ZIP_LZMA, whole),
        "bzip2.npz cannot be read": packed(tmp_path / "bzip2.npz", zipfile.ZIP_BZIP2, whole),
        "too long": Path("a" * 5000),
        "holds two arrays of one name": twice(tmp_path / "twice.npz", whole),
        "empty.npz cannot be read": npz(tmp_path / "empty.npz", a__npy=b""),
    }


def test_what_is_no_file_of_arrays_is_refused(tmp_path: Path) -> None:
    for said, path in planted(tmp_path).items():
        with pytest.raises(InputError) as raised:
            read_arrays(path)
        assert said in str(raised.value)
        assert raised.value.fix
        assert "BadZipFile" not in str(raised.value)


@pytest.mark.parametrize(("limit", "most"), [("MOST_ARRAYS", 2), ("MOST_BYTES", 1000)])
def test_too_much_is_refused_before_it_is_read(
    limit: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_file, limit, most)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(100), b=np.zeros(1), c=np.zeros(1))
    with pytest.raises(LimitExceeded, match="too many"):
        read_arrays(tmp_path / "a.npz")


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    write_arrays(tmp_path / "a.npz", {"a": np.ones(3)})
    with pytest.raises(TypeError):
        write_arrays(tmp_path / "a.npz", {1: np.ones(3)})  # type: ignore[dict-item]
    assert list(read_arrays(tmp_path / "a.npz")) == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
