"""Each verb asks the runtime for what was typed, puts data on stdout and talk on stderr."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sample_report import make_everyday_report

from videobert.base.errors import InputError
from videobert.base.limits import Limits
from videobert.index.identity import Head, IndexIdentity
from videobert.video.decoders.decoder_threads import MeasuredThreads

CALLS = {
    "run": ("clip.mp4",),
    "tokens": ("clip.mp4",),
    "features": ("clip.mp4",),
    "embed": ("clip.mp4", "--text", "a red circle"),
    "fill": ("a [MASK] circle", "clip.mp4"),
    "classify": ("clip.mp4", "--question", "colour"),
    "align": ("clip.mp4", "a red circle"),
    "answer": ("clip.mp4", "is there a red circle?"),
    "locate": ("clip.mp4", "a red circle"),
    "caption": ("clip.mp4",),
    "events": ("clip.mp4",),
    "index": ("films", "--out", "films.index"),
    "search": ("films.index", "a red circle"),
    "edit": ("clip.mp4", "cut out the talking"),
    "forecast": ("clip.mp4",),
    "summarize": ("clip.mp4", "--text", "a red circle"),
    "sentiment": ("clip.mp4", "--text", "a red circle"),
}


@pytest.fixture(autouse=True)
def index_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As much of an index as tells which model made it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films.index").mkdir()
    identity = IndexIdentity(model="shapes", weights="w", recipe="r", stride=1, width=4, feature_width=0, unit=True)
    (tmp_path / "films.index" / "index.json").write_bytes(Head(identity=identity, generation=1).content())


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


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (MeasuredThreads(threads=3, pixels=1), "measured: 3 threads decode"),
        (MeasuredThreads(threads=3, pixels=1, quiet=False), "not measured: other processes were at work; all do"),
        (None, "not measured: here there is nothing to choose"),
    ],
    ids=str,
)
def test_measured_decoder_threads_are_told(found: MeasuredThreads | None, said: str, call: Any, fake: Any) -> None:
    fake.decoder_threads = found
    done = call("run", *CALLS["run"], "--decoder-threads", "measured")
    assert (done.code, fake.loaded["decoder_threads"]) == (0, "measured")
    assert said in " ".join(done.err.split())
    assert said not in call("run", *CALLS["run"], "--decoder-threads", "measured", "--quiet").err
    assert "measured" not in call("run", *CALLS["run"], "--decoder-threads", "3").err


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
        "--decoder-threads",
        "3",
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
        "decoder_threads": 3,
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


def test_a_fallback_is_said(call: Any, fake: Any) -> None:
    origin = dataclasses.replace(fake.report.origin, fallback="openvino: not installed")
    fake.report = dataclasses.replace(fake.report, origin=origin)
    assert "openvino: not installed" in call("run", "clip.mp4").out
    for verb in CALLS:
        ended = call(verb, *CALLS[verb], "--json")
        assert "openvino: not installed" in ended.err
        assert ended.json["origin"]["fallback"] == "openvino: not installed"


# Features are what a model sees, before it says how far to trust it; an index is of many videos.
@pytest.mark.parametrize("verb", [verb for verb in CALLS if verb not in ("features", "index")])
def test_a_video_unlike_the_training_is_said(verb: str, call: Any, fake: Any) -> None:
    said = "note: out of domain (median percentile 100): the answers mean little"
    assert said not in call(verb, *CALLS[verb], "--json").err
    fake.report = dataclasses.replace(fake.report, percentile=99.8, out_of_domain=True)
    ended = call(verb, *CALLS[verb], "--json")
    assert said in ended.err
    assert (ended.json["percentile"], ended.json["out_of_domain"]) == (99.8, True)
    shown = call(verb, *CALLS[verb])
    assert "out of domain" in (shown.out if verb == "run" else shown.err)


@pytest.mark.parametrize(
    "verb", ["embed", "fill", "classify", "align", "answer", "locate", "search", "summarize", "sentiment"]
)
def test_words_that_the_model_does_not_know_are_said(verb: str, call: Any, fake: Any) -> None:
    fake.unknown = ("elephant", "a\x1bwalk", "x" * 1000)
    ended = call(verb, *CALLS[verb], "--json")
    assert "note: the model does not know: elephant, a\\x1bwalk, xxx" in ended.err
    assert "x" * 400 not in ended.err
    # A video's sentiment is told apart from its text's.
    said = ended.json["text"] if verb == "sentiment" else ended.json
    assert said["unknown_words"] == list(fake.unknown)


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


@pytest.mark.parametrize("verb", CALLS)
def test_of_a_model_without_percentiles_none_is_shown(verb: str, call: Any, watch: Any, fake: Any) -> None:
    fake.report = make_everyday_report()
    for ended in (call(verb, *CALLS[verb]), watch(100, verb, *CALLS[verb])):
        assert ended.code == 0
        said = ended.out + ended.err
        assert not any(word in said for word in ("percentile", "domain", "nan", "None")), said
    answer = call(verb, *CALLS[verb], "--json").json
    assert answer.get("percentile") is None
    assert not answer.get("out_of_domain")
