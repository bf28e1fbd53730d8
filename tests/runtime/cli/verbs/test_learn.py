"""`videobert learn`: what it prints, what it refuses, and that it goes on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small_model import mp4

from videobert.video.source.frame_array import FrameArray

SHADES = {"dark": 30, "light": 220}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight films, one of them with the label of the others; features go to a cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = []
    for label, value in SHADES.items():
        for number in range(4):
            frames = np.full((30, 64, 64, 3), value + 2 * number, np.uint8)
            (tmp_path / f"{label}{number}.mp4").write_bytes(mp4(FrameArray(frames, np.arange(30) / 10)))
            told = "light" if (label, number) == ("dark", 3) else label
            lines.append({"video": f"{label}{number}.mp4", "start": 0, "end": 2.5, "labels": {"shade": told}})
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


@pytest.mark.modeling
def test_it_says_how_well_it_answers_and_what_it_gets_wrong(
    call: Any, model_folder: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "dark0.mp4").write_bytes(b"no film")
    ended = call("learn", model_folder, data, "--out", tmp_path / "taught")
    assert ended.code == 0, ended.err
    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert rows[0][0].startswith("shade: ")
    assert "on 7 stretches of videos that were held out" in rows[0][0]
    assert ["light", "5", "5"] in [row[:3] for row in rows]
    assert any(row[0] == "dark3.mp4" and row[1] == "dark" and row[3:] == ["light", "0.0–2.5 s"] for row in rows)
    assert "left out: dark0.mp4 (line 1)" in ended.err
    assert "next: videobert classify VIDEO --model" in ended.err
    # The same again in JSON: no film is read twice.
    again = call("learn", model_folder, data, "--out", tmp_path / "again", "--json")
    assert again.code == 0, again.err
    assert again.json["clips_computed"] == 0
    assert again.json["questions"]["shade"]["accuracy"]["n"] == 7
    assert again.json["built"]
    asked = call("classify", tmp_path / "light1.mp4", "--model", tmp_path / "taught", "--question", "shade", "--json")
    assert asked.code == 0, asked.err
    assert asked.json["segments"][0]["candidates"][0]["text"] == "light"


@pytest.mark.modeling
def test_all_that_is_wrong_in_the_data_is_told(call: Any, model_folder: Path, data: Path, tmp_path: Path) -> None:
    lines = data.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("dark1", "gone")
    lines[4] = lines[4].replace("2.5", '"2.5"')
    data.write_text("\n".join(lines), encoding="utf-8")
    ended = call("learn", model_folder, data, "--out", tmp_path / "taught", "--json")
    assert ended.code == 3
    error = json.loads(ended.err.splitlines()[-1])["error"]
    assert error["type"] == "InputError"
    assert "line 2: there is no such video file, got gone.mp4" in error["what"]
    assert "line 5: end must be seconds" in error["what"]
    assert not (tmp_path / "taught").exists()


@pytest.mark.modeling
def test_names_that_are_taken_are_refused_in_the_words_of_the_command_line(
    call: Any, model_folder: Path, data: Path, tmp_path: Path
) -> None:
    data.write_text(data.read_text(encoding="utf-8").replace("shade", "colour"), encoding="utf-8")
    ended = call("learn", model_folder, data, "--out", tmp_path / "taught")
    assert ended.code == 2
    assert "--replace" in ended.said
    ended = call("learn", model_folder, data, "--out", tmp_path / "taught", "--question", "shade")
    assert ended.code == 2
    assert "the data has no such question" in ended.said
    ended = call("learn", model_folder, data, "--out", tmp_path)
    assert ended.code == 2
    assert "the place to write to is taken" in ended.said


def test_a_model_that_is_not_there_is_told_first(call: Any, tmp_path: Path) -> None:
    ended = call("learn", "nowhere", tmp_path / "data.jsonl", "--out", tmp_path / "taught")
    assert ended.code == 3
    assert "there is no such model" in ended.said
