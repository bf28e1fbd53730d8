"""`videobert index`: each file as it is done, a summary for a person."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import MismatchError


def test_each_file_that_something_became_of_is_a_line(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("index", "films", "more", "--out", tmp_path / "index", "--retry", "--stride", "2")
    assert ended.code == 0
    assert ended.out.splitlines() == ["added\t3 stretches\t/films/a.mp4", "failed\tit is damaged\t/films/c.mp4"]
    assert "4 stretches of 2 videos (1 added, 1 unchanged, 1 failed)" in ended.said
    (asked,) = fake.asked
    assert asked[:2] == ("index", (["films", "more"], tmp_path / "index"))
    assert (asked[2]["retry"], asked[2]["stride"]) == (True, 2)


def test_json_is_all_of_stdout(call: Any, fake: Any, tmp_path: Path) -> None:
    answer = call("index", "films", "--out", tmp_path / "index", "--json").json
    assert [each["state"] for each in answer["files"]] == ["added", "unchanged", "failed"]
    assert (answer["videos"], answer["stretches"]) == (2, 4)
    assert "error" not in answer["files"][0]


def test_where_nothing_could_be_indexed_that_is_a_failure(
    call: Any, fake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fake.index

    def all_failed(*args: Any, **options: Any) -> Any:
        indexed = whole(*args, **options)
        return dataclasses.replace(indexed, files=indexed.failed)

    monkeypatch.setattr(fake, "index", all_failed)
    ended = call("index", "films", "--out", tmp_path / "index")
    assert ended.code == 3
    assert "none of the videos could be indexed" in ended.said


def test_an_index_of_another_model_is_bad_input(call: Any, fake: Any, tmp_path: Path) -> None:
    fake.error = MismatchError("this index was made by another model or recipe")
    ended = call("index", "films", "--out", tmp_path / "index")
    assert ended.code == 3
    assert "another model" in ended.said


def test_an_index_needs_a_place(call: Any, fake: Any) -> None:
    assert call("index", "films").code == 2
    assert call("index", "--out", "x").code == 2


def test_a_person_is_told_of_a_failure_in_whole_words(watch: Any, fake: Any, tmp_path: Path) -> None:
    fake.of_a_file = "it is damaged: " + "moov atom not found, " * 8
    lines = watch(60, "index", "films", "--out", str(tmp_path / "index")).out.splitlines()
    assert "added  /films/a.mp4: 3 stretches" in lines
    failed = next(
        number for number, line in enumerate(lines) if line.startswith("failed  /films/c.mp4: it is damaged:")
    )
    assert all(len(line) <= 60 for line in lines[failed:])
    assert lines[failed + 1].startswith("  ")
