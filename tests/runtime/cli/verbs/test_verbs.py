"""Each verb asks the runtime for what was typed, puts data on stdout and talk on stderr."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError
from videobert.base.limits import Limits
from videobert.model.folder import find
from videobert.results.as_json import to_json

CALLS = {
    "run": ("clip.mp4",),
    "tokens": ("clip.mp4",),
    "embed": ("clip.mp4", "--text", "a red circle"),
    "fill": ("a [MASK] circle", "clip.mp4"),
    "classify": ("clip.mp4", "--question", "colour"),
    "align": ("clip.mp4", "a red circle"),
}


@pytest.mark.parametrize("verb", CALLS)
def test_json_is_one_strict_object_and_all_of_stdout(verb: str, call: Any, fake: Any) -> None:
    ended = call(verb, *CALLS[verb], "--json")
    assert ended.code == 0
    assert isinstance(ended.json, dict)
    assert ended.out.count("\n") == 1


@pytest.mark.parametrize("verb", CALLS)
def test_quiet_says_nothing_but_the_answer(verb: str, call: Any, fake: Any) -> None:
    ended = call(verb, *CALLS[verb], "--quiet")
    assert ended.err == ""
    assert ended.out


@pytest.mark.parametrize("verb", CALLS)
def test_model_options_reach_the_runtime(verb: str, call: Any, fake: Any, tmp_path: Path) -> None:
    options = ["--model", "mine", "--device", "cpu", "--engine", "torch", "--threads", "2", "--hint", "throughput"]
    options += [
        "--max-duration-s",
        "60",
        "--max-side-px",
        "640",
        "--max-repeated-frames",
        "77",
        "--max-text-chars",
        "99",
        "--cache-dir",
        tmp_path,
        "--stride",
        "3",
        "--track",
        "1",
        "--precision",
        "fp32",
        "--decoder",
        "pyav",
        "--rebuild-engines",
        "--trust-engines",
    ]
    assert call(verb, *CALLS[verb], *options).code == 0
    limits = fake.loaded.pop("limits")
    assert limits == Limits(max_duration_s=60.0, max_side_px=640, max_repeated_frames=77, max_text_chars=99)
    assert fake.loaded == {
        "name": "mine",
        "device": "cpu",
        "engine": "torch",
        "threads": 2,
        "hint": "throughput",
        "precision": "fp32",
        "cache_dir": tmp_path,
        "decoder": "pyav",
        "rebuild_engines": True,
        "trust_engines": True,
    }
    ((asked, _, given),) = fake.asked
    assert (asked, given["stride"], given["track"]) == (verb, 3, 1)
    assert fake.closed


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
    assert "33× real time" in ended.out
    assert ended.err == ""


def test_run_passes_on_how_to_judge(call: Any, fake: Any) -> None:
    call("run", "clip.mp4", "--top", "7", "--context-clips", "0")
    assert (fake.asked[0][2]["top"], fake.asked[0][2]["context_clips"]) == (7, 0)


def test_run_json_is_the_whole_report_without_pictures(call: Any, fake: Any) -> None:
    assert call("run", "clip.mp4", "--json").json == to_json(fake.report)


def test_numbers_that_json_cannot_hold_become_null(call: Any, fake: Any) -> None:
    fake.report = dataclasses.replace(fake.report, percentile=float("nan"), duration_s=float("inf"))
    answer = call("run", "clip.mp4", "--json").json
    assert answer["percentile"] is None
    assert answer["duration_s"] is None


def test_a_name_that_is_not_unicode_is_written_alike_everywhere(call: Any, fake: Any, tmp_path: Path) -> None:
    fake.report = dataclasses.replace(fake.report, source="caf\udce9.mp4")
    assert call("run", "clip.mp4", "--json").json["source"] == "caf\\xe9.mp4"
    assert "caf\\xe9.mp4" in call("run", "clip.mp4", "--html", tmp_path / "page.html").out
    assert "caf\\xe9.mp4" in (tmp_path / "page.html").read_text(encoding="utf-8")
    fake.error = InputError("there is no such video file", seen=fake.report.source)
    assert "caf\\xe9.mp4" in call("run", "clip.mp4").err
    assert json.loads(call("run", "clip.mp4", "--json").err)["error"]["seen"] == "caf\\xe9.mp4"


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


def test_a_fallback_is_said(call: Any, fake: Any) -> None:
    origin = dataclasses.replace(fake.report.origin, fallback="openvino: not installed")
    fake.report = dataclasses.replace(fake.report, origin=origin)
    assert "openvino: not installed" in call("run", "clip.mp4").out
    for verb in CALLS:
        ended = call(verb, *CALLS[verb], "--json")
        assert "openvino: not installed" in ended.err
        assert ended.json["origin"]["fallback"] == "openvino: not installed"


@pytest.mark.parametrize("verb", CALLS)
def test_a_video_unlike_the_training_is_said(verb: str, call: Any, fake: Any) -> None:
    said = "note: out of domain (median percentile 100): the answers mean little"
    assert said not in call(verb, *CALLS[verb], "--json").err
    fake.report = dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)
    ended = call(verb, *CALLS[verb], "--json")
    assert said in ended.err
    assert (ended.json["percentile"], ended.json["out_of_domain"]) == (99.8, True)
    shown = call(verb, *CALLS[verb])
    assert "out of domain" in (shown.out if verb == "run" else shown.err)


@pytest.mark.parametrize("verb", ["embed", "fill", "classify", "align"])
def test_words_that_the_model_does_not_know_are_said(verb: str, call: Any, fake: Any) -> None:
    fake.unknown = ("elephant", "a\x1bwalk", "x" * 1000)
    ended = call(verb, *CALLS[verb], "--json")
    assert "note: the model does not know: elephant, a\\x1bwalk, xxx" in ended.err
    assert "x" * 400 not in ended.err
    assert ended.json["unknown_words"] == list(fake.unknown)


def test_tokens_are_a_line_a_clip(call: Any, fake: Any) -> None:
    ended = call("tokens", "clip.mp4", "--assignment", "tree")
    assert ended.out.splitlines() == ["0.0–1.5 s\t<7>\t12", "1.5–3.0 s\t<1041>\t99"]
    assert fake.asked[0][2]["assignment"] == "tree"


def test_tokens_are_saved(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("tokens", "clip.mp4", "--out", tmp_path / "clip.vbt")
    assert (tmp_path / "clip.vbt").read_bytes() == b"tokens"
    assert ended.out == ""
    assert "2 tokens, 6 bytes" in ended.err


def test_embed_prints_numbers_or_saves_them(call: Any, fake: Any, tmp_path: Path) -> None:
    ended = call("embed", "clip.mp4")
    assert [float(number) for number in ended.out.split()] == [0.25, -1.0, 3.0]
    assert "retrieval head" in ended.err
    call("embed", "--text", "a red circle", "--out", tmp_path / "v.npy")
    saved = np.load(tmp_path / "v.npy", allow_pickle=False)
    assert saved.dtype == np.float32
    assert saved.tolist() == [0.25, -1.0, 3.0]
    assert fake.asked[-1][1] == (None, "a red circle")


def test_embed_of_nothing_is_a_usage_error(call: Any, fake: Any) -> None:
    ended = call("embed")
    assert ended.code == 2
    assert "--text" in ended.err


def test_fill_ranks_words_and_moments(call: Any, fake: Any) -> None:
    ended = call("fill", "a [MASK] circle", "clip.mp4", "--visual", "1", "-v", "4", "--top", "2")
    assert ended.out.splitlines() == ["[MASK] 1\tcircle\t0.900", "[MASK] 1\tsquare\t0.100", "1.5–3.0 s\t<712>\t0.400"]
    _, arguments, options = fake.asked[0]
    assert arguments == ("a [MASK] circle", "clip.mp4", (1, 4))
    assert options["top"] == 2


def test_classify_takes_labels_and_templates(call: Any, fake: Any) -> None:
    ended = call(
        "classify",
        "clip.mp4",
        "-l",
        "red",
        "-l",
        "blue",
        "-t",
        "a [MASK] circle",
        "--window-clips",
        "4",
        "--prior-strength",
        "0.5",
    )
    assert ended.out.splitlines()[0] == "1.5–3.0 s\tred\t0.800"
    _, arguments, options = fake.asked[0]
    assert arguments == ("clip.mp4", ["red", "blue"], ["a [MASK] circle"])
    assert (options["window_clips"], options["prior_strength"]) == (4, 0.5)
    assert options["question"] is None


def test_align_prints_the_score_first(call: Any, fake: Any) -> None:
    ended = call("align", "clip.mp4", "a red circle", "--window-clips", "2")
    assert fake.asked[0][2]["window_clips"] == 2
    assert ended.out.splitlines() == ["0.625", "0.0–24.0 s\t0.750", "24.0–30.0 s\t0.500"]


def test_no_escape_sequence_reaches_the_terminal(call: Any, fake: Any) -> None:
    fake.report = dataclasses.replace(fake.report, source="a\x1b]0;owned\x07\u202e.mp4")
    for verb in ("run", "fill"):
        ended = call(verb, *CALLS[verb])
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", ended.out + ended.err)
    assert "\\x1b]0;owned" in call("run", "clip.mp4").out


def test_brackets_in_names_are_not_markup(call: Any, fake: Any) -> None:
    fake.report = dataclasses.replace(fake.report, source="[red]clip[/red].mp4")
    (segment, *rest) = fake.report.segments
    named = dataclasses.replace(segment, answers={r"a\[/b]": segment.answers["colour"]})
    fake.report = dataclasses.replace(fake.report, segments=(named, *rest))
    ended = call("run", "clip.mp4")
    assert "[red]clip[/red].mp4" in ended.out
    assert r"a\[/b]" in ended.out


@pytest.mark.parametrize("verb", [verb for verb in CALLS if verb != "run"])
def test_what_was_not_read_of_a_video_is_said(verb: str, call: Any, fake: Any) -> None:
    origin = dataclasses.replace(fake.report.origin, track=1, tracks=3, frames_left_out=2, stills_cut=1)
    fake.report = dataclasses.replace(fake.report, origin=origin)
    said = call(verb, *CALLS[verb]).err
    assert "video track 1 of 0–2 was read" in said
    assert "left out: 2" in said
    assert "cut: 1" in said


@pytest.mark.parametrize("verb", CALLS)
def test_a_decoder_of_second_choice_is_said(verb: str, call: Any, fake: Any) -> None:
    fallback = "dali: DALI does not decode h264 on the CPU"
    origin = dataclasses.replace(fake.report.origin, decoder_fallback=fallback)
    fake.report = dataclasses.replace(fake.report, origin=origin)
    ended = call(verb, *CALLS[verb], "--decoder", "dali")
    assert ended.code == 0
    assert fallback in (ended.out if verb == "run" else ended.err)
    assert fallback not in (ended.err if verb == "run" else ended.out)
