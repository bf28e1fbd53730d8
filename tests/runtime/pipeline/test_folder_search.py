"""The search of a folder for videos; what the command line makes of it is in its own tests."""

from __future__ import annotations

from pathlib import Path

from videobert.base.errors import InputError
from videobert.pipeline.folder_search import SUFFIXES, videos_in


def test_every_suffix_is_that_of_a_container() -> None:
    assert {".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".wmv", ".flv", ".ogv"} <= SUFFIXES
    assert not SUFFIXES & {".vbt", ".vbf", ".wav", ".mp3", ".jpg", ".png", ".txt", ".srt"}


def test_videos_come_by_name_with_those_of_inner_folders_behind(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.MKV", "in/c.mov", ".hidden.mp4", ".trash/d.mp4", "a.vbf", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(Path(str(path)).relative_to(tmp_path)) for path in videos_in(str(tmp_path))]
    assert found == ["a.MKV", "b.mp4", "in/c.mov"]
    (tmp_path / "loop").symlink_to(tmp_path)
    assert len(list(videos_in(str(tmp_path)))) == 3


def test_a_folder_without_videos_is_an_error_among_the_videos(tmp_path: Path) -> None:
    (error,) = videos_in(str(tmp_path))
    assert isinstance(error, InputError)
    assert (error.what, error.seen) == ("there is no video in this folder", str(tmp_path))
