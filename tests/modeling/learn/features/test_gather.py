"""Features of all stretches: what is in the store is not computed, and what cannot be read is told."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.modeling.learn.features.conftest import Counting

from videobert_modeling.learn.data.stretch import Stretch
from videobert_modeling.learn.features.gather import Gathered, gather
from videobert_modeling.learn.features.store import FeatureStore


def stretch(video: Path, start_s: float | None = None, end_s: float | None = None, where: str = "line 1") -> Stretch:
    return Stretch(video=video, name=video.name, start_s=start_s, end_s=end_s, labels={"q": "a"}, where=where)


def test_examples_come_in_the_order_of_the_data_and_videos_are_read_once(
    backbone: Counting, film: Callable[..., Path], tmp_path: Path
) -> None:
    one, other = film(6, 1), film(4.5, 2)
    asked = [stretch(one, 0, 3), stretch(other), stretch(one, 4.5, 6)]
    steps: list[tuple[str, float, float | None]] = []
    found = gather(
        asked, backbone.source, FeatureStore(tmp_path / "store"), on_progress=lambda *step: steps.append(step)
    )
    assert [example.stretch for example in found.examples] == asked
    assert [len(example.clips) for example in found.examples] == [2, 3, 1]
    assert found.clips_computed == len(backbone.calls) == 6
    assert backbone.opened == ["open", "closed"]
    assert steps[-1] == ("features", 2, 2)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    again = gather(asked, backbone.source, FeatureStore(tmp_path / "store"))
    assert again.clips_computed == 0
    assert backbone.opened == ["open", "closed"]
    for first, second in zip(found.examples, again.examples, strict=True):
        np.testing.assert_array_equal(first.clips, second.clips)


def test_copies_of_a_film_are_one_film(backbone: Counting, film: Callable[..., Path], tmp_path: Path) -> None:
    one = film(3)
    copy = Path(shutil.copy(one, tmp_path / "copy.mp4"))
    found = gather([stretch(one), stretch(copy)], backbone.source, FeatureStore(tmp_path / "store"))
    assert found.examples[0].video == found.examples[1].video
    assert found.clips_computed == 2


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(
    backbone: Counting, film: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    asked = [
        stretch(tmp_path / "text.mp4", where="line 1"),
        stretch(tmp_path / "text.mp4", 1, 2, where="line 2"),
        stretch(film(3), where="line 3"),
        stretch(film(3), 5, 6, where="line 4"),
        stretch(tmp_path / "gone.mp4", where="line 5"),
    ]
    found = gather(asked, backbone.source, FeatureStore(tmp_path / "store"))
    assert [example.stretch.where for example in found.examples] == ["line 3"]
    assert [(each.where, each.stretches) for each in found.left_out] == [("line 1", 2), ("line 4", 1), ("line 5", 1)]
    assert "starts after the video's end at 3.00 s" in found.left_out[1].reason
    assert "No such file" in found.left_out[2].reason


def test_an_interrupted_run_goes_on_where_it_was(backbone: Counting, film: Callable[..., Path], tmp_path: Path) -> None:
    asked = [stretch(film(6, 1)), stretch(film(3, 2))]

    def go() -> Gathered:
        return gather(asked, backbone.source, FeatureStore(tmp_path / "store"))

    backbone.fails.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        go()
    assert backbone.opened == ["open", "closed"]
    backbone.fails.clear()
    assert go().clips_computed == 4
    assert len(backbone.calls) == 6
