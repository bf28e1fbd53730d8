"""Archives that a user has got elsewhere are told by their content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.runtime.get.archive_maker import make_obtainable

from videobert.base.errors import InputError, MismatchError, ObtainError
from videobert.get import recognise as room
from videobert.get.catalogue import Source
from videobert.get.recognise import recognise


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "shelf"


@pytest.fixture
def sources(shelf: Path) -> tuple[Source, ...]:
    return make_obtainable(shelf).sources


def test_any_order_and_any_name_will_do(shelf: Path, sources: tuple[Source, ...], tmp_path: Path) -> None:
    given = [shelf / source.file_name for source in sources]
    wanted = dict(zip((source.package for source in sources), given, strict=True))
    assert recognise(given, sources) == wanted
    assert recognise(given[::-1], sources) == wanted
    other = tmp_path / "download (3)"
    shutil.copy(given[1], other)
    assert recognise([given[2], other, given[0]], sources)["tiny-texts"] == other


def test_a_folder_is_looked_through(shelf: Path, sources: tuple[Source, ...]) -> None:
    (shelf / "other.txt").write_text("no archive")
    (shelf / "below").mkdir()
    found = recognise([shelf], sources)
    assert {path.name for path in found.values()} == {source.file_name for source in sources}


def test_the_same_archive_twice_is_no_fault(shelf: Path, sources: tuple[Source, ...]) -> None:
    assert len(recognise([shelf, shelf / sources[0].file_name], sources)) == 3


def test_a_missing_one_is_named(shelf: Path, sources: tuple[Source, ...]) -> None:
    with pytest.raises(ObtainError) as caught:
        recognise([shelf / sources[0].file_name], sources)
    assert "Add tiny_texts-1.0-py3-none-any.whl (package tiny-texts 1.0), tiny_shots" in str(caught.value)
    assert sources[0].file_name in str(caught.value.seen)
    empty = shelf / "below"
    empty.mkdir()
    with pytest.raises(ObtainError, match="none of them"):
        recognise([empty], sources)


def test_a_damaged_one_is_refused_by_its_name(shelf: Path, sources: tuple[Source, ...]) -> None:
    path = shelf / sources[1].file_name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    for given in ([shelf], [path]):
        with pytest.raises(MismatchError, match="not the file that is pinned"):
            recognise(given, sources)


def test_a_file_that_is_none_of_them_is_refused(shelf: Path, sources: tuple[Source, ...], tmp_path: Path) -> None:
    other = tmp_path / "film.mp4"
    other.write_bytes(b"film")
    with pytest.raises(InputError, match=r"film\.mp4 is none of the files"):
        recognise([shelf, other], sources)
    # Of the size of one of them, and another.
    size = sources[0].size_bytes
    other.write_bytes(bytes(size))
    with pytest.raises(InputError, match="is none of the files"):
        recognise([other], sources)


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path, sources: tuple[Source, ...]) -> None:
    with pytest.raises(InputError, match="none cannot be read"):
        recognise([tmp_path / "none"], sources)


def test_a_folder_with_too_many_files_is_refused(
    shelf: Path, sources: tuple[Source, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_FILES", 2)
    with pytest.raises(InputError, match="too many files"):
        recognise([shelf], sources)
