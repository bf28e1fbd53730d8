"""`videobert run`: the report in text, as JSON and as a page."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests import small_milnce

from videobert.model.folder import find
from videobert.report.html import html_page
from videobert.results.as_json import to_json


def test_run_prints_times_answers_and_origin(call: Any, fake: Any) -> None:
    ended = call("run", "clip.mp4")
    assert ended.code == 0
    for shown in (
        "1.5–6.0 s",
        "red 0.97",
        "bounces 0.95",
        "in domain",
        "decode 120 ms",
        "openvino on CPU",
        "0123456789ab",
    ):
        assert shown in ended.out
    assert "12 frames padded" in ended.out
    assert "total 310 ms, 33× real time, stages overlap" in ended.out
    assert ended.err == ""


def test_run_passes_on_how_to_judge(call: Any, fake: Any) -> None:
    call("run", "clip.mp4", "--top", "7", "--context-clips", "0")
    assert (fake.asked[0][2]["top"], fake.asked[0][2]["context_clips"]) == (7, 0)


def test_run_json_is_the_whole_report_without_pictures(call: Any, fake: Any) -> None:
    assert call("run", "clip.mp4", "--json").json == to_json(fake.report)


def test_run_without_a_video_uses_the_clip_of_the_model(call: Any, fake: Any, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").touch()
    ended = call("run", "--model", tmp_path)
    assert ended.code == 0
    assert fake.asked[0][1] == (str(tmp_path / "clip.mp4"),)
    assert "no video given" in ended.err


def test_a_damaged_clip_of_a_model_is_named(call: Any, fake: Any, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(find("shapes"), tmp_path / "copy"))
    content = (copy / "clip.mp4").read_bytes()
    (copy / "clip.mp4").write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    ended = call("run", "--model", copy)
    assert ended.code == 3
    assert "clip.mp4 is not the file that the manifest describes" in ended.err
    assert "Copy the model folder again" in ended.err
    assert not fake.asked


def test_run_without_a_video_and_without_a_clip_says_what_to_type(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("run", "--model", tmp_path)
    assert ended.code == 3
    assert "videobert run VIDEO" in ended.err
    assert not fake.asked


def test_run_writes_the_page_whole(call: Any, fake: Any, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    ended = call("run", "clip.mp4", "--html", page)
    assert ended.code == 0
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(page) in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("out", ["missing/report.html", "."])
def test_a_page_that_cannot_be_written_is_refused_before_any_work(
    out: str, call: Any, fake: Any, tmp_path: Path
) -> None:
    ended = call("run", "clip.mp4", "--html", tmp_path / out)
    assert ended.code == 2
    assert "--html" in ended.err
    assert not fake.loaded


@pytest.mark.parametrize("verb", ["run", "stream"])
def test_a_model_that_answers_nothing_by_itself_says_what_it_can_be_asked(
    call: Any, fake: Any, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    told = "no questions of its own and no visual tokens; it can be asked:"
    assert told not in call(verb, "clip.mp4").err
    bare = tuple(dataclasses.replace(each, answers={}, tokens=(), unsure=()) for each in fake.report.segments)
    fake.report = dataclasses.replace(fake.report, segments=bare)
    monkeypatch.setattr(type(fake), "config", small_milnce.CONFIG)
    said = call(verb, "clip.mp4").err
    assert said.count(told) == 1
    can = said.split(told)[1].split("\n\n")[0]
    assert {"align", "classify", "locate", "search"} <= set(can.replace(",", " ").split())
    assert not {"run", "tokens", "caption", "forecast"} & set(can.replace(",", " ").split())
    assert "videobert show" in html_page(fake.report)
    assert told not in call(verb, "clip.mp4", "--quiet").err
