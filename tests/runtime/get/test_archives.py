"""Single files of wheels and sdists: the pinned ones, in memory, whatever else an archive holds."""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.runtime.get.archive_maker import make_sdist, make_wheel, members, source_of

from videobert.base.errors import MismatchError, ModelError
from videobert.get import archives
from videobert.get.archives import check_archive, read_members
from videobert.get.catalogue import Member, Source

MAKERS = {"wheel": make_wheel, "sdist": make_sdist}


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def source(kind: str, tmp_path: Path) -> Source:
    return MAKERS[kind](tmp_path, "tiny")


def pinned(source: Source, **changes: Any) -> Source:
    """The source with its weights pinned otherwise."""
    weights = dataclasses.replace(source.members["weights"], **changes)
    return dataclasses.replace(source, members={**source.members, "weights": weights})


def test_members_are_read_by_what_they_are_for(source: Source, tmp_path: Path) -> None:
    check_archive(tmp_path / source.file_name, source)
    assert read_members(tmp_path / source.file_name, source) == members("tiny")


def test_nothing_is_extracted(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def writing(*arguments: object, **options: object) -> None:
        raise AssertionError("an archive was extracted")

    for kind, names in ((zipfile.ZipFile, ("extract", "extractall")), (tarfile.TarFile, ("extract", "extractall"))):
        for name in names:
            monkeypatch.setattr(kind, name, writing)
    before = sorted(tmp_path.rglob("*"))
    read_members(tmp_path / source.file_name, source)
    assert sorted(tmp_path.rglob("*")) == before


def test_another_archive_is_refused(source: Source, tmp_path: Path) -> None:
    path = tmp_path / source.file_name
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    with pytest.raises(MismatchError, match=rf"not the file that is pinned.*sha256 {source.sha256}"):
        check_archive(path, source)
    path.write_bytes(content + b"more")
    with pytest.raises(MismatchError, match=rf"{len(content) + 4} bytes"):
        check_archive(path, source)


def test_a_member_that_is_not_the_pinned_one_is_refused(source: Source, tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="is not the file that is pinned"):
        read_members(tmp_path / source.file_name, pinned(source, sha256="0" * 64))
    for size in (10, 1 << 20):
        with pytest.raises(ModelError, match=f"does not have {size} bytes"):
            read_members(tmp_path / source.file_name, pinned(source, size_bytes=size))
    with pytest.raises(ModelError, match=r"without .*none\.bin"):
        read_members(tmp_path / source.file_name, pinned(source, path="tiny/none.bin"))


@pytest.mark.parametrize("keep", [0, 10, 100, -30])
def test_a_cut_archive_is_an_error(keep: int, source: Source, tmp_path: Path) -> None:
    path = tmp_path / source.file_name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"cannot be read|without"):
        read_members(path, source)


@pytest.mark.parametrize("at", [0.2, 0.4, 0.6])
def test_a_damaged_archive_is_an_error(at: float, source: Source, tmp_path: Path) -> None:
    path = tmp_path / source.file_name
    content = bytearray(path.read_bytes())
    place = int(len(content) * at)
    content[place : place + 8] = bytes(byte ^ 0xFF for byte in content[place : place + 8])
    path.write_bytes(content)
    try:
        found = read_members(path, source)
    except ModelError:
        return
    assert found == members("tiny"), "damage that is passed over has met nothing that is read"


def test_an_archive_that_cannot_be_opened_is_the_systems_error(source: Source, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_members(tmp_path / "none", source)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A member that is small by its header, or an sdist whose other members never end."""
    path = tmp_path / "bomb.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tiny/weights.bin", bytes(50 << 20))
    source = source_of(path, "tiny", "1.0", {"tiny/weights.bin": bytes(100)})
    with pytest.raises(ModelError, match="does not have 100 bytes"):
        read_members(path, source)
    monkeypatch.setattr(archives, "MOST_UNPACKED_BYTES", 1 << 20)
    path = tmp_path / "bomb.tar.gz"
    with gzip.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for name in ("first", "second", "tiny/weights.bin"):
            info = tarfile.TarInfo(name)
            info.size = 1 << 20
            tar.addfile(info, io.BytesIO(bytes(1 << 20)))
    source = source_of(path, "tiny", "1.0", {"tiny/weights.bin": bytes(1 << 20)})
    with pytest.raises(ModelError, match="more than"):
        read_members(path, source)


def test_too_many_members_are_an_error(source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(ModelError, match="more than 1 members"):
        read_members(tmp_path / source.file_name, source)


def link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/hostname", 0


def hard_link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.LNKTYPE, "other", 0


def device(info: tarfile.TarInfo) -> None:
    info.type, info.size = tarfile.CHRTYPE, 0


@pytest.mark.parametrize("make", [link, hard_link, device])
def test_what_is_no_plain_file_is_not_read(make: Callable[[tarfile.TarInfo], None], tmp_path: Path) -> None:
    path = tmp_path / "odd.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo("tiny/weights.bin")
        make(info)
        tar.addfile(info)
    source = dataclasses.replace(
        source_of(path, "tiny", "1.0", {}),
        members={"weights": Member(path="tiny/weights.bin", sha256="0" * 64, size_bytes=0)},
    )
    with pytest.raises(ModelError, match=r"without tiny/weights\.bin"):
        read_members(path, source)


def test_names_that_would_be_paths_elsewhere_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "odd.whl"
    name = f"../../{os.path.basename(tmp_path)}/owned"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"owned")
        archive.writestr("tiny/weights.bin", b"weights")
    source = source_of(path, "tiny", "1.0", {"tiny/weights.bin": b"weights"})
    assert read_members(path, source) == {"weights": b"weights"}
    assert list(tmp_path.iterdir()) == [path]
