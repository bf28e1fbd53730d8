"""`videobert train`: options go on, results are printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


def test_train_passes_on_its_options_and_prints_the_results(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from videobert_modeling.train.shapes import chain as shapes

    asked: list[Any] = []

    def train(*arguments: Any, **options: Any) -> dict[str, Any]:
        asked.append((arguments, options))
        return {"cloze": {"colour": {"top1": 0.97}}, "seed": 7}

    monkeypatch.setattr(shapes, "train", train)
    ended = call("train", "shapes", "--out", tmp_path / "out", "--scale", "smoke", "--seed", "7")
    assert ended.code == 0
    assert ended.out.splitlines() == ["cloze.colour.top1\t0.97", "seed\t7"]
    expected = {"scale": "smoke", "seed": 7, "real_film": None, "on_progress": None}
    assert asked == [((tmp_path / "out", tmp_path / "out.work"), expected)]
    answer = call("train", "shapes", "--out", tmp_path / "out", "--json").json
    assert answer["results"]["cloze"]["colour"]["top1"] == 0.97
