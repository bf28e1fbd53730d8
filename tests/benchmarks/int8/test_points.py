"""Points are made, kept in a file, and have fewer products where some are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.side_by_side import made_once
from tests.small_model import write_small_model
from tests.vnni import needs_vnni

from benchmarks.int8 import points
from benchmarks.int8.sensitivity import one_by_one, worst_first
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges

RANGES = Int8Ranges(
    graph="0",
    tops={"a": 1.0, "b": -2.0, **{str(number): 1.0 for number in range(40)}},
    shifts={"a": (0.5,), "b": (1.0,)},
    scales={"b": (2.0,)},
)


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "small-model", write_small_model)


def test_kept_products_are_in_no_part() -> None:
    found = points.without(RANGES, frozenset({"b"}))
    assert "b" not in found.tops
    assert (dict(found.shifts), dict(found.scales)) == ({"a": (0.5,)}, {})


def test_ever_more_of_the_worst_are_kept() -> None:
    found = points.with_kept(RANGES, "best", ["b", "a", *map(str, range(40))])
    assert [len(RANGES.tops) - len(each.tops) for each in found.values()] == list(points.KEPT)
    assert all("b" not in each.tops for each in found.values())


def test_points_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "points.json"
    points.write({"one": RANGES}, path)
    points.write({"two": points.without(RANGES, frozenset({"a"}))}, path)
    found = points.read(path)
    assert list(found) == ["one", "two"]
    assert found["one"] == RANGES


@needs_vnni
def test_a_product_with_a_wrong_range_is_the_worst(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "RULES", {"squares": "squares"})
    folder = ModelFolder(model_folder)
    clips = np.random.default_rng(0).integers(0, 256, (2, 15, 48, 48, 3), dtype=np.uint8)
    whole = points.by_rule(folder, "backbone", [clip[None] for clip in clips])["squares"]
    some = list(whole.tops)[1:5]
    tops = {name: whole.tops[name] for name in some} | {some[2]: whole.tops[some[2]] / 20}
    planted = Int8Ranges(graph=whole.graph, tops=tops)
    errors = one_by_one(folder, planted, list(clips), tmp_path / "errors.json", 1e9)
    assert worst_first(errors)[0] == some[2]
    assert one_by_one(folder, planted, list(clips), tmp_path / "errors.json", 1e9) == errors
