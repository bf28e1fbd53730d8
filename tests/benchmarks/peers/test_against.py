"""The verdict between two files finds a planted slowdown of ten in a hundred, and is quiet where nothing changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.peers.against import main, told


def result(seed: int, *, ours: float = 1.0, machine: float = 1.0, quiet: bool = True) -> dict[str, Any]:
    """Times of two peers of one case that scatter as on a quiet machine; `machine` slows down both sides."""
    rng = np.random.default_rng(seed)

    def times(scale: float) -> list[float]:
        drawn = scale * machine * (1 + np.abs(rng.normal(0, 0.02, 41)))
        return [float(value) for value in drawn]

    return {
        "rows": [
            {
                "case": "backbone/paper",
                "peer": peer,
                "state": "measured",
                "version": "1",
                "noise": {"quiet": quiet},
                "ours_s": times(0.1 * ours),
                "peer_s": times(scale),
            }
            for peer, scale in (("torch", 0.3), ("onnx", 0.2))
        ]
    }


def test_a_planted_slowdown_of_ten_in_a_hundred_is_found() -> None:
    for seed in range(10):
        text, code = told(result(seed), result(100 + seed, ours=1.1))
        assert code == 1, text
        assert "slower: backbone/paper" in text


def test_twenty_runs_of_the_same_are_quiet() -> None:
    for seed in range(20):
        text, code = told(result(seed), result(100 + seed))
        assert code == 0, text


def test_a_slower_machine_is_no_slowdown() -> None:
    assert told(result(0), result(1, machine=1.5))[1] == 0


def test_a_peer_that_became_faster_is_no_slowdown() -> None:
    new = result(1)
    new["rows"][0]["peer_s"] = [0.8 * value for value in new["rows"][0]["peer_s"]]
    assert told(result(0), new)[1] == 0


@pytest.mark.parametrize("which", [0, 1])
def test_a_busy_machine_gets_no_verdict(which: int) -> None:
    pair = [result(0), result(1, ours=1.5)]
    for row in pair[which]["rows"]:
        row["noise"]["quiet"] = False
    text, code = told(*pair)
    assert code == 3
    assert "no verdict" in text


def test_another_version_of_the_peer_is_not_compared() -> None:
    new = result(1, ours=1.5)
    for row in new["rows"]:
        row["version"] = "2"
    assert told(result(0), new)[1] == 3


def test_the_command_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [tmp_path / "old.json", tmp_path / "new.json"]
    for path, content in zip(paths, (result(0), result(1, ours=1.2)), strict=True):
        path.write_text(json.dumps(content))
    assert main([str(path) for path in paths]) == 1
    assert "slower: backbone/paper" in capsys.readouterr().out
