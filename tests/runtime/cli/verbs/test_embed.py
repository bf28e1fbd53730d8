"""`videobert embed`: a vector, printed or saved."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def test_embed_prints_numbers_or_saves_them(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("embed", "clip.mp4")
    assert [float(number) for number in ended.out.split()] == [0.25, -1.0, 3.0]
    assert "retrieval head" in ended.err
    call("embed", "--text", "a red circle", "--out", tmp_path / "v.npy")
    saved = np.load(tmp_path / "v.npy", allow_pickle=False)
    assert saved.dtype == np.float32
    assert saved.tolist() == [0.25, -1.0, 3.0]
    assert fake.asked[-1][1] == (None, "a red circle")


def test_vectors_of_one_space_are_said_to_be_comparable(
    call: Any, watch: Any, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = type(fake).embed
    monkeypatch.setattr(type(fake), "embed", lambda *a, **k: dataclasses.replace(answer(*a, **k), comparable=True))
    ended = call("embed", "clip.mp4", "--json")
    assert (ended.json["comparable"], ended.err) == (True, "")
    assert "can be compared with each other" in watch(80, "embed", "clip.mp4").out


def test_embed_of_nothing_is_a_usage_error(call: Any, fake: Any) -> None:
    ended = call("embed")
    assert ended.code == 2
    assert "--text" in ended.err
