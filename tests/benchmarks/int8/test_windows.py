"""Windows: other places of a film than the recipe's, the same in every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.int8.windows import split, whole_clips, windows
from videobert.model.folder import BUNDLED, ModelFolder

CLIP = BUNDLED / "shapes" / "clip.mp4"


def test_no_film_is_on_both_sides() -> None:
    films = [Path(f"{number}.mp4") for number in range(23)]
    made_on, judged_on = split(list(reversed(films)))
    assert len(made_on) == 5
    assert sorted(made_on + judged_on) == sorted(films)
    assert (made_on, judged_on) == split(films)


def test_windows_are_other_clips_than_the_recipes() -> None:
    recipe = ModelFolder("shapes").recipe
    found = list(windows(CLIP, recipe, 6))
    assert len(found) == 6
    assert all(each.shape == (30, 112, 112, 3) for each in found)
    assert len({each.tobytes() for each in found}) == 6
    assert {each.tobytes() for each in found}.isdisjoint(each.tobytes() for each in whole_clips(CLIP, recipe, 99))
    assert all((one == other).all() for one, other in zip(found, windows(CLIP, recipe, 6), strict=True))


def test_a_film_that_cannot_be_read_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no film")
    assert list(windows(broken, ModelFolder("shapes").recipe, 3)) == []
    assert "broken.mp4" in capsys.readouterr().out


def test_some_are_mirrored(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = ModelFolder("shapes").recipe
    side = recipe.crop * 8 // 7
    ramp = np.broadcast_to(np.arange(side, dtype=np.uint8)[None, None, :, None], (60, side, side, 3))
    monkeypatch.setattr("benchmarks.int8.windows.whole_clips", lambda *_: [ramp])
    rising = [bool(each[0, 0, 1, 0] > each[0, 0, 0, 0]) for each in windows(CLIP, recipe, 20)]
    assert 4 <= sum(rising) <= 16
