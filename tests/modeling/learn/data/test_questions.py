"""The questions that data asks, before a video is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videobert.base.errors import InputError, LimitExceeded, UsageError
from videobert_modeling.learn.data import questions as module
from videobert_modeling.learn.data.questions import read_data


def write(folder: Path, *labels: dict[str, str], **more: object) -> Path:
    path = folder / "data.jsonl"
    lines = []
    for number, each in enumerate(labels):
        (folder / f"{number}.mp4").write_bytes(b"")
        lines.append(json.dumps({"video": f"{number}.mp4", "labels": each, **more}))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


TWO = ({"sport": "golf"}, {"sport": "archery"}) * 2


def test_labels_and_questions_are_sorted(tmp_path: Path) -> None:
    both = [{**each, "place": "in" if number % 2 else "out"} for number, each in enumerate(TWO)]
    data = read_data(write(tmp_path, *both))
    assert list(data.questions.items()) == [("place", ("in", "out")), ("sport", ("archery", "golf"))]
    assert len(data.stretches) == 4


def test_some_of_the_questions_may_be_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, *TWO, {"place": "in"})
    assert list(read_data(path, ["sport"]).questions) == ["sport"]
    assert len(read_data(path, ["sport"]).stretches) == 4
    with pytest.raises(UsageError, match="no such question; got colour; allowed: place, sport"):
        read_data(path, ["colour"])


def test_a_folder_is_one_question(tmp_path: Path) -> None:
    for name in ("a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4"):
        (tmp_path / "sport" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "sport" / name).write_bytes(b"")
    assert read_data(tmp_path / "sport").questions == {"sport": ("a", "b")}
    assert read_data(tmp_path / "sport", ["game"]).questions == {"game": ("a", "b")}
    with pytest.raises(UsageError, match="a folder of classes is one question"):
        read_data(tmp_path / "sport", ["a", "b"])


def test_one_class_and_too_few_examples_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the question sport has one label only"):
        read_data(write(tmp_path, *[{"sport": "golf"}] * 5))
    with pytest.raises(InputError, match="labels of the question sport have too few examples; got ski, swim"):
        read_data(write(tmp_path, *TWO, {"sport": "swim"}, {"sport": "ski"}))


def test_labels_and_questions_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, *[{"sport": str(number // 2), "place": str(number % 2)} for number in range(8)])
    assert len(read_data(path).questions["sport"]) == 4
    monkeypatch.setattr(module, "MOST_CLASSES", 3)
    with pytest.raises(LimitExceeded, match="the question sport has too many labels; got 4"):
        read_data(path)
    monkeypatch.setattr(module, "MOST_QUESTIONS", 1)
    with pytest.raises(LimitExceeded, match="too many questions; got 2"):
        read_data(path)


def test_a_stretch_that_is_given_twice_counts_once_and_may_not_contradict_itself(tmp_path: Path) -> None:
    path = write(tmp_path, *TWO)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines, lines[0], lines[1].replace("sport", "place")]), encoding="utf-8")
    data = read_data(path, ["sport"])
    assert len(data.stretches) == 4
    path.write_text("\n".join([*lines, lines[0].replace("golf", "archery")]), encoding="utf-8")
    with pytest.raises(InputError, match="line 5: sport is 'archery' here, and 'golf' in line 1"):
        read_data(path)
