"""The writer of an index: what it reports done is there, whatever comes after."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from made_index import IDENTITY, add, stretches, write

from videobert.base.errors import InputError, MismatchError, ModelError, UsageError
from videobert.index.catalogue import Stat
from videobert.index.columns import ColumnWriter
from videobert.index.reader import IndexReader
from videobert.index.writer import IndexWriter


def sources(folder: Path) -> list[str]:
    reader = IndexReader(folder)
    return sorted({reader.stretch(int(row)).source for row in reader.rows()})


def test_what_was_added_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    write(tmp_path / "index", 1, 2)
    write(tmp_path / "index", 3)
    assert sources(tmp_path / "index") == ["/films/1.mp4", "/films/2.mp4", "/films/3.mp4"]
    stored = IndexReader(tmp_path / "index").stretch(6)
    assert (stored.source, stored.start_s, stored.end_s, stored.shot) == ("/films/2.mp4", 4.0, 6.0, 1)
    assert stored.ids.tolist() == [202]
    assert stored.features is not None
    assert stored.features.tolist() == [[2, 2, 2]]


def test_a_file_that_changed_takes_the_place_of_what_it_was(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1)
        writer.add("/films/1.mp4", Stat(9, 9), "9" * 64, stretches(2, 9))
        assert writer.alive_rows == 2
    reader = IndexReader(tmp_path)
    assert len(reader) == 2
    assert [int(reader.stretch(int(row)).ids[0]) for row in reader.rows()] == [900, 901]


def test_a_content_is_found_by_its_hash_under_a_new_path_and_after_it_was_gone(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1)
        writer.drop_path("/films/1.mp4")
        assert writer.alive_rows == 0
        known = writer.with_hash(f"{1:064x}")
        assert known is not None
        writer.add_path("/elsewhere/a.mp4", Stat(1, 2), known)
        writer.add_path("/elsewhere/b.mp4", Stat(1, 3), known)
        writer.drop_path("/elsewhere/a.mp4")
        assert (writer.alive_rows, writer.videos) == (4, 1)
    assert sources(tmp_path) == ["/elsewhere/b.mp4"]


def test_a_failure_is_recorded_and_takes_the_place_of_what_was_indexed(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1)
        writer.fail("/films/1.mp4", Stat(5, 6), "it is damaged")
    with IndexWriter(tmp_path, IDENTITY) as writer:
        failed = writer.failed_at("/films/1.mp4")
        assert failed == (Stat(5, 6), "it is damaged")
        assert writer.at("/films/1.mp4") is None
        assert writer.paths() == ["/films/1.mp4"]
        assert writer.alive_rows == 0


def test_a_second_writer_is_refused_until_the_first_is_done(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as first:
        with pytest.raises(InputError, match="being written to"):
            IndexWriter(tmp_path, IDENTITY)
        add(first, 1)
    write(tmp_path, 2)
    assert len(sources(tmp_path)) == 2


def test_an_index_of_another_model_is_refused_and_left_alone(tmp_path: Path) -> None:
    write(tmp_path, 1)
    other = IDENTITY.__class__(**{**{name: getattr(IDENTITY, name) for name in IDENTITY.__slots__}, "recipe": "other"})
    with pytest.raises(MismatchError, match="recipe") as caught:
        IndexWriter(tmp_path, other)
    assert caught.value.seen == f"{tmp_path}, model made, recipe {'r' * 16}"
    assert caught.value.allowed == "model made, recipe other"
    elsewhere = dataclasses.replace(IDENTITY, model="everyday", weights="other", feature_width=9)
    with pytest.raises(MismatchError) as caught:
        IndexWriter(tmp_path, elsewhere)
    assert (caught.value.seen, caught.value.allowed) == (f"{tmp_path}, model made", "model everyday")
    write(tmp_path, 2)
    assert len(sources(tmp_path)) == 2


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_a_place_that_holds_something_else_is_refused(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    if kind == "file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / "letter.txt").write_text("mine")
    with pytest.raises(UsageError):
        IndexWriter(place, IDENTITY)
    kept = place if kind == "file" else place / "letter.txt"
    assert kept.read_text() == "mine"


def test_what_a_killed_writer_left_behind_the_end_is_cut_off(tmp_path: Path) -> None:
    write(tmp_path, 1)
    generation = tmp_path / "generation-1"
    for name in ("vectors", "rows", "pictures", "features", "clips"):
        with open(generation / name, "ab") as column:
            column.write(b"half of a stretch")
    whole = (generation / "journal").read_bytes()
    with open(generation / "journal", "ab") as journal:
        journal.write(whole[: len(whole) // 2])
    (tmp_path / "generation-2").mkdir()
    (tmp_path / "generation-2" / "rows").write_bytes(b"half of a copy")
    assert sources(tmp_path) == ["/films/1.mp4"]
    write(tmp_path, 2)
    reader = IndexReader(tmp_path)
    assert [int(reader.stretch(int(row)).ids[0]) for row in reader.rows()] == [100, 101, 102, 103, 200, 201, 202, 203]
    assert reader.picture(5) == b"picture 1 of 2"
    assert not (tmp_path / "generation-2").exists()


@pytest.mark.parametrize("name", [b"", b"lock", b"generation-1"])
def test_a_writer_that_was_killed_at_the_very_start_is_no_obstacle(tmp_path: Path, name: bytes) -> None:
    if name == b"lock":
        (tmp_path / "lock").touch()
    elif name:
        (tmp_path / "generation-1").mkdir()
        (tmp_path / "generation-1" / "rows").write_bytes(b"half")
    write(tmp_path, 1)
    assert sources(tmp_path) == ["/films/1.mp4"]


def test_a_full_disk_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1)
        real, calls = os.write, []

        def full(file: int, content: bytes) -> int:
            calls.append(file)
            if len(calls) == 3:
                raise OSError(28, "No space left on device")
            return real(file, content)

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            add(writer, 2)
        monkeypatch.undo()
        add(writer, 3)
    assert sources(tmp_path) == ["/films/1.mp4", "/films/3.mp4"]


def test_what_is_gone_is_left_out_of_a_copy(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        for seed in range(1, 6):
            add(writer, seed)
        writer.fail("/films/bad.mp4", Stat(1, 1), "damaged")
        before = IndexReader(tmp_path)
        for seed in (1, 3, 4):
            writer.drop_path(f"/films/{seed}.mp4")
        writer.compact()
        after = IndexReader(tmp_path)
        assert writer.failed_at("/films/bad.mp4") is not None
        add(writer, 6)
    # Who had it open goes on with what was there.
    assert len(before) == 20
    assert before.picture(0) == b"picture 0 of 1"
    assert [int(after.stretch(int(row)).ids[0]) for row in after.rows()] == [*range(200, 204), *range(500, 504)]
    assert [after.picture(row) for row in (0, 7)] == [b"picture 0 of 2", b"picture 3 of 5"]
    assert sources(tmp_path) == ["/films/2.mp4", "/films/5.mp4", "/films/6.mp4"]
    assert [path.name for path in tmp_path.glob("generation-*")] == ["generation-2"]


def test_a_copy_that_fails_leaves_the_index_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1)
        add(writer, 2)
        writer.drop_path("/films/1.mp4")
        monkeypatch.setattr(ColumnWriter, "sync", lambda self: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(OSError, match="full"):
            writer.compact()
        monkeypatch.undo()
        add(writer, 3)
    assert sources(tmp_path) == ["/films/2.mp4", "/films/3.mp4"]


def test_tidying_leaves_out_what_is_gone_only_where_it_is_much(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1, 2_000)
        add(writer, 2, 1_000)
        writer.drop_path("/films/2.mp4")
        writer.tidy()
        assert not (tmp_path / "generation-1").exists()
        add(writer, 3, 10)
        writer.drop_path("/films/3.mp4")
        writer.tidy()
        assert (tmp_path / "generation-2").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"vectors": np.ones((4, 5), np.float32)},
        {"vectors": np.full((4, 8), np.nan, np.float32)},
        {"features": np.full((4, 3), np.nan, np.float32)},
        {"features": np.ones((4, 2), np.float32)},
    ],
)
def test_stretches_that_do_not_fit_are_refused_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, np.ndarray]
) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        with pytest.raises(InputError, match="do not fit the index"):
            add(writer, 1, **changes)
        add(writer, 2)
    assert sources(tmp_path) == ["/films/2.mp4"]


def test_a_column_that_lost_its_end_is_damage_and_not_cut_further(tmp_path: Path) -> None:
    write(tmp_path, 1)
    os.truncate(tmp_path / "generation-1" / "vectors", 10)
    with pytest.raises(ModelError, match="vectors is too short"):
        write(tmp_path, 2)


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = IndexWriter(tmp_path, IDENTITY)
    writer.close()
    with pytest.raises(UsageError, match="closed"):
        add(writer, 1)


def test_a_path_longer_than_any_file_has_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    """A line that no reader takes would be the end of the whole index."""
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1)
        with pytest.raises(InputError, match="does not fit"):
            writer.fail("/" + "a" * 100_000, Stat(1, 1), "no such file")
        add(writer, 2)
    assert IndexReader(tmp_path).videos == 2
