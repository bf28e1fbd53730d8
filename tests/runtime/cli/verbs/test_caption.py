"""`videobert caption`: rows, subtitles on stdout and in files, and the method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.usefixtures("fake")

SRT = "1\n00:00:00,000 --> 00:00:01,500\nIt is red.\n\n2\n00:00:01,500 --> 00:00:03,000\nUnsure what is shown here.\n"


def test_captions_are_rows(call: Any, fake: Any) -> None:
    ended = call("caption", "clip.mp4")
    assert fake.asked[0][2]["span"] is None
    assert ended.out.splitlines() == [
        "0.0–1.5 s\tIt is red.\t0.800",
        "1.5–3.0 s\tUnsure what is shown here.\t0.000",
    ]


def test_the_method_is_told(call: Any, watch: Any) -> None:
    assert call("caption", "clip.mp4", "--json").json["method"] == "labels"
    ended = watch(60, "caption", "clip.mp4", term="dumb")
    assert "method labels: sentences made of the model's answers" in " ".join(ended.err.split())
    assert all(len(line) <= 60 for line in ended.out.splitlines())


def test_a_span_is_seconds(call: Any, fake: Any) -> None:
    call("caption", "clip.mp4", "--span", "1.5-4")
    assert fake.asked[0][2]["span"] == (1.5, 4.0)
    for wrong in ("1.5", "a-b", "4-1.5"):
        ended = call("caption", "clip.mp4", "--span", wrong)
        assert ended.code == 2
        assert "--span is no stretch of time" in ended.err


@pytest.mark.parametrize("how", [("--format", "srt"), ("--out", "{}/clip.srt"), ("--out", "{}/clip.SRT")])
def test_subtitles_on_stdout_or_in_a_file(call: Any, tmp_path: Path, how: tuple[str, str]) -> None:
    ended = call("caption", "clip.mp4", how[0], how[1].format(tmp_path))
    if how[0] == "--format":
        assert ended.out == SRT
    else:
        assert (tmp_path / Path(how[1]).name).read_text() == SRT
        assert ended.out == ""


def test_webvtt_names_the_method(call: Any, tmp_path: Path) -> None:
    call("caption", "clip.mp4", "--out", str(tmp_path / "clip.vtt"))
    told = (tmp_path / "clip.vtt").read_text()
    assert told.startswith("WEBVTT\n\nNOTE made by videobert, model shapes, method labels\n")
    assert "00:00:01.500 --> 00:00:03.000\n" in told


def test_several_videos_have_a_file_each(call: Any, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_bytes(b"film")
    out = tmp_path / "out"
    call("caption", str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4"), "--out", str(out), "--format", "vtt")
    assert sorted(path.name for path in out.iterdir()) == ["a.vtt", "b.vtt"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--out", "clip.txt"), "no file of subtitles"),
        (("--out", "clip.srt", "--format", "vtt"), "differ"),
        (("--format", "vtt", "--evidence"), "subtitles have no place for evidence"),
    ],
)
def test_a_form_that_is_not_clear_is_refused_before_the_model_is_asked(
    call: Any, fake: Any, arguments: tuple[str, ...], said: str
) -> None:
    ended = call("caption", "clip.mp4", *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert fake.asked == []


def test_evidence_stands_behind_the_sentences(call: Any, fake: Any) -> None:
    ended = call("caption", "clip.mp4", "--evidence")
    assert fake.asked[0][2]["evidence"] is True
    assert ended.out.splitlines()[-2:] == ["0.0–1.5 s\tIt is red.\t+0.250", "1.5–3.0 s\tIt is red.\t-0.500"]
    assert call("caption", "clip.mp4", "--evidence", "--format", "srt", "--json").json["segments"][0]["evidence"]
