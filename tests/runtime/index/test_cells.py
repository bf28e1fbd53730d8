"""Vectors in cells: as good as a plain product where all cells are looked at, and no file of another is opened."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_index import IDENTITY, WIDTH, add, unit_rows, write

from videobert.base.errors import ModelError
from videobert.index import cells
from videobert.index.cells import Cells, cells_for, write_cells
from videobert.index.reader import IndexReader
from videobert.index.writer import IndexWriter


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of 4,000 stretches in cells, 200 behind them, and some of both gone."""
    folder = tmp_path_factory.mktemp("large", numbered=True) / "index"
    with IndexWriter(folder, IDENTITY) as writer:
        for seed in range(20):
            add(writer, seed, 200)
        writer.write_cells()
        add(writer, 20, 200)
        writer.drop_path("/films/3.mp4")
    return folder


def plain(folder: Path, query: np.ndarray, count: int) -> list[int]:
    vectors = np.fromfile(folder / "generation-1" / "vectors", np.float32).reshape(-1, WIDTH)
    products = vectors @ query
    products[600:800] = -np.inf
    return np.argsort(-products, kind="stable")[:count].tolist()


def test_nearly_all_of_the_nearest_are_found_and_their_products_are_exact(large: Path) -> None:
    reader = IndexReader(large)
    assert reader.in_cells == 4_000
    hits = 0
    vectors = np.fromfile(large / "generation-1" / "vectors", np.float32).reshape(-1, WIDTH)
    for query in unit_rows(50, 77):
        rows, products = reader.nearest(query, 10)
        hits += len(set(rows.tolist()) & set(plain(large, query, 10)))
        np.testing.assert_allclose(products, vectors[rows] @ query, rtol=1e-5)
        assert not ((rows >= 600) & (rows < 800)).any()
    assert hits >= 0.9 * 500


@pytest.mark.parametrize("change", ["gone", "another"])
def test_cells_that_a_writer_replaces_while_they_are_opened_are_those_that_were_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    vectors = unit_rows(300, 1)
    path = tmp_path / "index" / "generation-1" / "cells-300"
    path.parent.mkdir(parents=True)
    size = write_cells(path, vectors)
    mapped = cells._mapped_lists

    def late(*given: Any) -> Any:
        path.unlink()
        if change == "another":
            path.write_bytes(b"\0" * size)
        return mapped(*given)

    monkeypatch.setattr(cells, "_mapped_lists", late)
    opened = Cells(path, size_bytes=size, vectors=300, width=WIDTH)
    for row in range(0, 300, 50):
        assert opened.nearest(vectors[row], 1, None).tolist() == [row]


def test_what_is_behind_the_cells_is_found_too(large: Path) -> None:
    reader = IndexReader(large)
    for row in (4_000, 4_199):
        assert reader.nearest(reader.vector(row), 1)[0].tolist() == [row]


def test_a_tidy_of_many_vectors_makes_cells_and_again_when_more_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("videobert.index.writer.CELLS_FROM", 100)
    monkeypatch.setattr("videobert.index.writer._MOST_BEHIND", 50)
    with IndexWriter(tmp_path, IDENTITY) as writer:
        add(writer, 0, 60)
        writer.tidy()
        assert IndexReader(tmp_path).in_cells == 0
        add(writer, 1, 60)
        writer.tidy()
        assert IndexReader(tmp_path).in_cells == 120
        add(writer, 2, 40)
        writer.tidy()
        assert IndexReader(tmp_path).in_cells == 120
        add(writer, 3, 40)
        writer.tidy()
        assert IndexReader(tmp_path).in_cells == 200
    assert [path.name for path in (tmp_path / "generation-1").glob("cells-*")] == ["cells-200"]


def test_the_number_of_cells_grows_with_the_root_of_the_vectors() -> None:
    assert [cells_for(count) for count in (1, 100_000, 1_000_000, 100_000_000)] == [16, 1_024, 4_096, 32_768]


@pytest.fixture
def cells_file(tmp_path: Path) -> Path:
    generation = tmp_path / "generation-1"
    generation.mkdir()
    path = generation / "cells-300"
    write_cells(path, unit_rows(300, 1))
    return path


def opened(path: Path, vectors: int = 300, width: int = WIDTH) -> Cells:
    return Cells(path, size_bytes=path.stat().st_size, vectors=vectors, width=width)


def trailer_at(path: Path) -> int:
    return path.stat().st_size - struct.calcsize("<8s3IQ")


def put(path: Path, place: int, content: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_file_of_other_vectors_is_refused(cells_file: Path) -> None:
    assert len(opened(cells_file).nearest(unit_rows(1, 2)[0], 5, None)) == 5
    for wrong in ({"vectors": 299}, {"width": WIDTH + 1}, {"vectors": 10**12}):
        with pytest.raises(ModelError, match="of other vectors"):
            opened(cells_file, **wrong)


@pytest.mark.parametrize(
    ("behind", "content", "what"),
    [
        (0, b"NOTCELLS", "of other vectors"),
        (8, struct.pack("<I", 0), "of other vectors"),
        (8, struct.pack("<I", 1 << 31), "of other vectors"),
        (8, struct.pack("<I", 63), "of other vectors"),
        (12, struct.pack("<I", 1 << 31), "of other vectors"),
        (-8, struct.pack("<Q", 1 << 63), "does not add up"),
        (-16, struct.pack("<QQ", 5, (1 << 64) - 5), "does not add up"),
        (-8, struct.pack("<Q", 299), "does not add up"),
        (-8 * 64 - 4, struct.pack("<f", float("nan")), "no number"),
    ],
)
def test_fields_that_do_not_fit_are_damage(cells_file: Path, behind: int, content: bytes, what: str) -> None:
    put(cells_file, trailer_at(cells_file) + behind, content)
    with pytest.raises(ModelError, match=what):
        opened(cells_file)


def test_a_file_that_lost_its_end_is_damage(cells_file: Path) -> None:
    size = cells_file.stat().st_size
    os.truncate(cells_file, size - 1)
    with pytest.raises(ModelError, match="not as long"):
        Cells(cells_file, size_bytes=size, vectors=300, width=WIDTH)
    os.truncate(cells_file, 3)
    with pytest.raises(ModelError, match="not as long"):
        Cells(cells_file, size_bytes=3, vectors=300, width=WIDTH)


def test_rows_that_are_not_there_are_damage_and_no_reading_elsewhere(cells_file: Path) -> None:
    put(cells_file, 0, b"\x7f" * (300 * (WIDTH + 8)))
    with pytest.raises(ModelError, match="not there"):
        opened(cells_file).nearest(unit_rows(1, 2)[0], 5, None)
    alive = np.ones(300, np.bool_)
    assert opened(cells_file).nearest(unit_rows(1, 2)[0], 5, alive).tolist() == []


def test_cells_that_are_missing_are_damage(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    with IndexWriter(tmp_path, IDENTITY) as writer:
        writer.write_cells()
    (tmp_path / "generation-1" / "cells-8").unlink()
    with pytest.raises(ModelError, match="missing"):
        IndexReader(tmp_path)
