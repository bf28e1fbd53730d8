"""Readers of an index: a snapshot each, and damage told as such."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_index import FEATURES, IDENTITY, WIDTH, add, stretches, unit_rows, write

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.index.index_format import ROW
from videobert.index.reader import IndexReader, open_index
from videobert.index.writer import IndexWriter


def test_the_nearest_are_those_of_a_plain_product(tmp_path: Path) -> None:
    write(tmp_path, *range(20), count=30)
    with IndexWriter(tmp_path, IDENTITY) as writer:
        for seed in (3, 4, 19):
            writer.drop_path(f"/films/{seed}.mp4")
    reader = open_index(tmp_path)
    vectors = np.concatenate([unit_rows(30, seed) for seed in range(20)])
    gone = np.isin(np.arange(600) // 30, (3, 4, 19))
    for query in unit_rows(10, 99):
        products = np.where(gone, -np.inf, vectors @ query)
        best = np.argsort(-products)[:12]
        rows, found = reader.nearest(query, 12)
        assert rows.tolist() == best.tolist()
        np.testing.assert_allclose(found, products[best], rtol=1e-5)
    assert len(reader.nearest(query, 10_000)[0]) == 510


def test_a_reader_does_not_see_what_comes_later_and_two_may_read_while_one_writes(tmp_path: Path) -> None:
    write(tmp_path, 0)
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                reader = IndexReader(tmp_path)
                rows = reader.rows()
                found, _ = reader.nearest(unit_rows(1, 5)[0], 1_000)
                # By cells not all are looked at.
                if len(rows) % 4 or not set(found) <= set(rows) or (len(found) < len(rows) and not reader.in_cells):
                    wrong.append(f"{len(found)} of {len(rows)} rows")
                # All of a file, or nothing of it.
                wrong.extend(f"row {row}" for row in rows if reader.picture(row).split()[1] != b"%d" % (row % 4))
            except Exception as error:
                wrong.append(repr(error))

    first = IndexReader(tmp_path)
    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    with IndexWriter(tmp_path, IDENTITY) as writer:
        for seed in range(1, 40):
            add(writer, seed)
            if seed % 10 == 0:
                writer.drop_path(f"/films/{seed - 5}.mp4")
                writer.compact()
            if seed % 15 == 0:
                writer.write_cells()
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(first) == 4
    assert len(IndexReader(tmp_path)) == 4 * 37


def test_a_model_without_tokens_or_features_has_none(tmp_path: Path) -> None:
    plain = IDENTITY.__class__(**{**{name: getattr(IDENTITY, name) for name in IDENTITY.__slots__}, "feature_width": 0})
    with IndexWriter(tmp_path, plain) as writer:
        add(writer, 1, ids=None, scores=None, sure=None, features=None, pictures=[b""] * 4)
    stored = IndexReader(tmp_path).stretch(2)
    assert stored.ids.tolist() == []
    assert stored.features is None
    assert stored.sure is None
    assert IndexReader(tmp_path).picture(2) == b""


@pytest.mark.parametrize("missing", ["", "index.json"])
def test_a_place_without_an_index_says_how_to_make_one(tmp_path: Path, missing: str) -> None:
    with pytest.raises(InputError, match="no index here"):
        IndexReader(tmp_path / "none")
    with pytest.raises(UsageError):
        IndexReader(3)  # type: ignore[arg-type]


def test_an_index_of_another_version_is_told_from_damage(tmp_path: Path) -> None:
    write(tmp_path, 1)
    head = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps(head | {"version": 2}))
    with pytest.raises(InputError, match="another version"):
        IndexReader(tmp_path)


def _flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x41
    path.write_bytes(content)


def _edit_rows(folder: Path, **fields: float) -> None:
    rows = np.fromfile(folder / "generation-1" / "rows", ROW)
    for name, value in fields.items():
        rows[name] = value
    rows.tofile(folder / "generation-1" / "rows")


def _linked(path: Path) -> None:
    """The same content, behind a link."""
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def _replaced(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "head is no JSON": lambda folder: (folder / "index.json").write_text("{"),
    "head is of something else": lambda folder: (folder / "index.json").write_text('{"kind": "x"}'),
    "head is nested": lambda folder: (folder / "index.json").write_text("[" * 60_000),
    "head lacks a field": lambda folder: (folder / "index.json").write_text(
        json.dumps({"kind": "videobert index", "version": 1, "generation": 1})
    ),
    "width is huge": lambda folder: (folder / "index.json").write_text(
        (folder / "index.json").read_text().replace(f'"width": {WIDTH}', '"width": 99999999999')
    ),
    "generation is no number": lambda folder: (folder / "index.json").write_text(
        (folder / "index.json").read_text().replace('"generation": 1', '"generation": "../../x"')
    ),
    "generation is missing": lambda folder: shutil.rmtree(folder / "generation-1"),
    "journal has another byte": lambda folder: _flip(folder / "generation-1" / "journal", 40),
    "vectors have another byte": lambda folder: _flip(folder / "generation-1" / "vectors", 40),
    "rows have another byte": lambda folder: _flip(folder / "generation-1" / "rows", 40),
    "vectors are short": lambda folder: (folder / "generation-1" / "vectors").write_bytes(b"1234"),
    "head is a link": lambda folder: _linked(folder / "index.json"),
    "generation is a link": lambda folder: _linked(folder / "generation-1"),
    "journal is a device": lambda folder: _replaced(folder / "generation-1" / "journal", "/dev/zero"),
    "journal is a pipe": lambda folder: _pipe(folder / "generation-1" / "journal"),
    "head is a pipe": lambda folder: _pipe(folder / "index.json"),
    "vectors are a link": lambda folder: _linked(folder / "generation-1" / "vectors"),
    "pictures are a link": lambda folder: _replaced(folder / "generation-1" / "pictures", "/etc/passwd"),
    "clips are missing": lambda folder: (folder / "generation-1" / "clips").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE, ids=str)
def test_damage_is_told_when_the_index_is_opened(tmp_path: Path, damage: str) -> None:
    write(tmp_path, 1, 2)
    DAMAGE[damage](tmp_path)
    with pytest.raises(ModelError, match="damaged"):
        IndexReader(tmp_path)


@pytest.mark.parametrize(
    "fields",
    [{"file": 9}, {"first_clip": 1 << 60}, {"clips": 0}, {"clips": 1 << 31}, {"start_s": float("nan")}, {"file": 1}],
    ids=str,
)
def test_rows_of_a_large_index_that_point_elsewhere_are_told_when_they_are_read(
    tmp_path: Path, fields: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 1, 2)
    _edit_rows(tmp_path, **fields)
    # As where there are so many that checksums are left out.
    monkeypatch.setattr("videobert.index.reader._CHECKED_BYTES", -1)
    reader = IndexReader(tmp_path)
    with pytest.raises(ModelError, match="damaged"):
        reader.stretch(0)
    with pytest.raises(ModelError, match="damaged"):
        IndexReader(tmp_path, check=True)


@pytest.mark.parametrize("fields", [{"picture": 1 << 60}, {"picture_bytes": 1 << 31}, {"picture": 1 << 63}], ids=str)
def test_pictures_that_lie_elsewhere_are_damage(
    tmp_path: Path, fields: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 1)
    _edit_rows(tmp_path, **fields)
    monkeypatch.setattr("videobert.index.reader._CHECKED_BYTES", -1)
    with pytest.raises(ModelError, match="damaged"):
        IndexReader(tmp_path).picture(0)


@pytest.mark.parametrize("query", [np.ones(WIDTH + 1), np.full(WIDTH, np.nan), np.ones((1, WIDTH))], ids=str)
def test_a_query_of_another_kind_is_refused(tmp_path: Path, query: np.ndarray) -> None:
    write(tmp_path, 1)
    with pytest.raises(InputError, match="does not fit the index"):
        IndexReader(tmp_path).nearest(query, 1)
    with pytest.raises(UsageError, match="count"):
        IndexReader(tmp_path).nearest(np.ones(WIDTH, np.float32), 0)


def test_an_empty_index_finds_nothing(tmp_path: Path) -> None:
    write(tmp_path)
    reader = IndexReader(tmp_path)
    assert (len(reader), reader.videos) == (0, 0)
    assert reader.nearest(np.ones(WIDTH, np.float32), 5)[0].tolist() == []


def test_features_beyond_float16_are_kept_at_its_end(tmp_path: Path) -> None:
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 1, features=np.full((4, FEATURES), 1e6, np.float32))
    features = IndexReader(tmp_path).stretch(0).features
    assert features is not None
    assert features.tolist() == [[65504.0] * FEATURES]


def test_a_name_that_is_no_utf8_comes_back_as_it_was(tmp_path: Path) -> None:
    from videobert.index.catalogue import Stat

    with IndexWriter(tmp_path, IDENTITY) as writer:
        writer.add("/films/\udcff\n.mp4", Stat(1, 1), "1" * 64, stretches())
    assert IndexReader(tmp_path).stretch(0).source == "/films/\udcff\n.mp4"


def test_a_writer_does_not_follow_a_generation_that_is_a_link(tmp_path: Path) -> None:
    write(tmp_path / "index", 1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "rows").write_bytes(b"of somebody else")
    shutil.move(tmp_path / "index" / "generation-1" / "journal", other / "journal")
    shutil.rmtree(tmp_path / "index" / "generation-1")
    (tmp_path / "index" / "generation-1").symlink_to(other)
    with pytest.raises(ModelError, match="is a link"):
        write(tmp_path / "index", 2)
    assert (other / "rows").read_bytes() == b"of somebody else"
