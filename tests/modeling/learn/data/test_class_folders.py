"""A folder of each class: what is read of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from videobert.base.errors import InputError, UsageError
from videobert_modeling.learn.data import class_folders
from videobert_modeling.learn.data.class_folders import read_class_folders
from videobert_modeling.learn.data.stretch import is_question, question_of


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_every_file_of_a_class_is_a_whole_example(tmp_path: Path) -> None:
    folder = fill(
        tmp_path / "My Sports-2", "golf/b.mp4", "golf/a.mp4", "archery/deep/c.mp4", "archery/.d.mp4", ".git/e", "f.txt"
    )
    found = read_class_folders(folder)
    assert [(each.name, dict(each.labels)) for each in found] == [
        ("archery/deep/c.mp4", {"my_sports_2": "archery"}),
        ("golf/a.mp4", {"my_sports_2": "golf"}),
        ("golf/b.mp4", {"my_sports_2": "golf"}),
    ]
    assert all(each.start_s is None and each.end_s is None for each in found)


def test_the_question_may_be_named(tmp_path: Path) -> None:
    folder = fill(tmp_path / "1", "a/a.mp4", "b/b.mp4")
    assert dict(read_class_folders(folder, "sport")[0].labels) == {"sport": "a"}
    for name in (None, "Sport", ""):
        with pytest.raises(UsageError, match="this is no name for a question"):
            read_class_folders(folder, name)


def test_wrong_folders_are_told_together(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    fill(tmp_path, " golf/a.mp4", "archery/b.mp4")
    with pytest.raises(InputError, match=r"in 2 places: .*' golf'.*; .*'empty'.*no file"):
        read_class_folders(tmp_path, "sport")


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    fill(tmp_path, "a.mp4")
    with pytest.raises(InputError, match="there are no classes in this folder"):
        read_class_folders(tmp_path, "sport")
    with pytest.raises(InputError, match="the data cannot be read"):
        read_class_folders(tmp_path / "no", "sport")


def test_pipes_are_not_opened_and_files_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a/a.mp4", "b/b.mp4", "b/c.mp4")
    os.mkfifo(tmp_path / "a/pipe.mp4")
    assert len(read_class_folders(tmp_path, "sport")) == 3
    monkeypatch.setattr(class_folders, "MOST_VIDEOS", 2)
    with pytest.raises(InputError, match="too many files"):
        read_class_folders(tmp_path, "sport")


@pytest.mark.parametrize(
    ("text", "name"), [("Sports", "sports"), ("my data (2)", "my_data_2"), ("2nd_try", "nd_try"), ("ß", ""), ("", "")]
)
def test_any_text_is_made_a_name_as_far_as_it_goes(text: str, name: str) -> None:
    assert question_of(text) == name
    assert is_question(name) == bool(name)
    assert is_question(question_of("x" * 100))
