"""A file of labelled stretches: what is read, and what is told of one that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from videobert.base.errors import InputError, LimitExceeded
from videobert_modeling.learn.data import jsonl
from videobert_modeling.learn.data.jsonl import read_jsonl


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "films").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "films" / name).write_bytes(name.encode())
    return tmp_path


def write(folder: Path, *lines: object) -> Path:
    path = folder / "data.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def line(**changes: object) -> dict[str, object]:
    return {"video": "films/a.mp4", "start": 1, "end": 2.5, "labels": {"sport": "archery"}, **changes}


def test_stretches_are_read_in_order_and_videos_lie_beside_the_file(folder: Path) -> None:
    path = write(folder, line(), "", {"video": "films/b.mp4", "labels": {"sport": "golf", "place": "out of doors"}})
    first, second = read_jsonl(path)
    assert (first.video, first.start_s, first.end_s) == (folder / "films/a.mp4", 1.0, 2.5)
    assert (first.labels, first.where) == ({"sport": "archery"}, "line 1")
    assert (second.start_s, second.end_s, second.where) == (None, None, "line 3")
    assert second.labels == {"sport": "golf", "place": "out of doors"}


def test_a_byte_order_mark_and_a_last_line_without_an_end_are_nothing_special(folder: Path) -> None:
    path = folder / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(line()).encode())
    assert len(read_jsonl(path)) == 1


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("{", "line 2: this is not JSON"),
        ('{"video": "films/a.mp4", "video": "b"}', "line 2: this is not JSON: a name is given twice"),
        ("[1]", r"line 2: a line is one JSON object, got \[1\]"),
        ("[" * 60_000, "line 2: this is not JSON"),
        (line(video="films/c.mp4"), r"line 2: there is no such video file, got films/c\.mp4"),
        (line(video="films"), "line 2: there is no such video file, got films"),
        (line(video="https://example.org/a.mp4"), "line 2: a video is a file, no address"),
        (line(video="a\0b"), "line 2: there is no such video file"),
        (line(video=3), "line 2: video must be the path of a file, got 3"),
        ({"labels": {"sport": "golf"}}, "line 2: video must be the path of a file, got none"),
        (line(start="1"), "line 2: start must be seconds, 0 or more, got 1"),
        (line(start=-1), "line 2: start must be seconds, 0 or more, got -1"),
        (line(end=True), "line 2: end must be seconds"),
        ('{"video": "films/a.mp4", "end": NaN, "labels": {"sport": "golf"}}', "line 2: end must be seconds"),
        (line(start=3), "line 2: end must come after start, got 3 to 2.5"),
        (line(star=3), "line 2: only video, start, end, labels are known, got star"),
        (line(labels={}), "line 2: labels must be an object"),
        (line(labels="archery"), "line 2: labels must be an object"),
        (line(labels={"sport": 3}), "line 2: the label of sport must be a printable text"),
        (line(labels={"sport": None}), "line 2: the label of sport must be a printable text"),
        (line(labels={"sport": " golf"}), "line 2: the label of sport must be a printable text"),
        (line(labels={"sport": "x" * 129}), "line 2: the label of sport must be a printable text"),
        (line(labels={"Sport!": "golf"}), r"line 2: a question's name is a small letter.*got Sport!"),
    ],
)
def test_a_wrong_line_is_told_with_its_number(folder: Path, wrong: object, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_jsonl(write(folder, line(), wrong, line()))


def test_all_that_is_wrong_is_told_at_once_and_the_rest_is_counted(folder: Path) -> None:
    path = write(folder, line(), *[line(start=-1)] * 7, line(video=1, labels=2), *[line(video="no")] * 20)
    with pytest.raises(InputError) as caught:
        read_jsonl(path)
    message = caught.value.what
    assert "in 29 places" in message
    for number in (2, 8, 9):
        assert f"line {number}: " in message
    assert message.endswith("and 19 more")
    assert len(str(caught.value)) < 2500


def test_a_file_that_is_empty_missing_or_no_text_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="there is nothing to learn from"):
        read_jsonl(write(folder, ""))
    with pytest.raises(InputError, match="the data cannot be read"):
        read_jsonl(folder / "no.jsonl")
    (folder / "data.jsonl").write_bytes(b"\xff\xfe\n\x80\n")
    with pytest.raises(InputError, match="line 1: this is not JSON: it is no text in UTF-8"):
        read_jsonl(folder / "data.jsonl")


def test_a_video_in_place_of_a_list_is_told_once(folder: Path) -> None:
    (folder / "a.mp4").write_bytes(b"\0\0\0\x20ftypisom\n" + b"\xff\n" * 3000)
    with pytest.raises(InputError) as caught:
        read_jsonl(folder / "a.mp4")
    assert caught.value.what == "a.mp4 is no list of stretches, a .jsonl file, and no folder of videos"
    assert "line" not in str(caught.value.seen)


def test_lines_have_a_limit_in_number_and_length(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "MOST_LINES", 3)
    assert len(read_jsonl(write(folder, line(), line(), line()))) == 3
    with pytest.raises(LimitExceeded, match="too many lines"):
        read_jsonl(write(folder, *[line()] * 4))
    with pytest.raises(LimitExceeded, match="line 1 is too long"):
        read_jsonl(write(folder, "x" * (jsonl.MOST_LINE_BYTES + 1)))
