"""Errors: one clear block on stderr, nothing on stdout, the right exit code."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

import videobert
from videobert.base.errors import (
    Cancelled,
    DecodeError,
    EngineUnavailable,
    InputError,
    LimitExceeded,
    MismatchError,
    ModelError,
    UsageError,
    VideoBertError,
)
from videobert.cli.failure import guarded
from videobert.model.folder import find


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a stride of 9"), 2),
        (InputError("the text is empty"), 3),
        (DecodeError("this is not a video"), 3),
        (LimitExceeded("the video is too long"), 3),
        (ModelError("no such model"), 3),
        (MismatchError("another recipe"), 3),
        (EngineUnavailable("no engine"), 4),
        (ModuleNotFoundError("No module named 'av'", name="av"), 4),
        (OSError(28, "No space left on device", "out.html"), 4),
        (MemoryError(), 4),
        (VideoBertError("something"), 5),
        (ZeroDivisionError("division by zero"), 5),
        (Cancelled("stopped on request"), 130),
        (KeyboardInterrupt(), 130),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_exit_codes(error: BaseException, code: int, form: str, call: Any, fake: Any) -> None:
    fake.error = error
    ended = call("align", "clip.mp4", "a circle", *(["--json"] if form == "json" else []))
    assert ended.code == code
    assert ended.out == ""
    assert ended.err
    assert "Traceback" not in ended.err
    assert fake.closed
    if form == "json":
        shown = json.loads(ended.err)["error"]
        assert list(shown) == ["type", "what", "seen", "allowed", "fix", "exit_code"]
        assert (shown["type"], shown["exit_code"]) == (type(error).__name__, code)


def test_what_is_wrong_in_ten_places_is_told_whole_and_a_library_is_cut_short(call: Any, fake: Any) -> None:
    told = "; ".join(f"line {number}: " + "x" * 150 for number in range(10))
    fake.error = InputError(told)
    assert json.loads(call("align", "clip.mp4", "a circle", "--json").err)["error"]["what"] == told
    fake.error = ZeroDivisionError("y" * 5000)
    assert len(json.loads(call("align", "clip.mp4", "a circle", "--json").err)["error"]["what"]) < 400


class Panic(BaseException):
    """As pyo3's PanicException: no `Exception`."""


def test_a_panic_is_an_internal_error(call: Any, fake: Any) -> None:
    fake.error = Panic("index out of bounds")
    ended = call("fill", "a [MASK]")
    assert ended.code == 5
    assert "internal error: Panic: index out of bounds" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("error", [SystemExit(7), GeneratorExit()], ids=["SystemExit", "GeneratorExit"])
def test_what_ends_the_interpreter_is_not_held_back(error: BaseException) -> None:
    with pytest.raises(type(error)), guarded(debug=False, as_json=False):
        raise error


def test_json_has_the_fields_of_the_error(call: Any, fake: Any) -> None:
    fake.error = UsageError(
        "the stride is off", seen=7, allowed="1 to 5", fix="Use stride=5.", fix_cli="Use --stride 5."
    )
    ended = call("run", "clip.mp4", "--json")
    assert json.loads(ended.err) == {
        "error": {
            "type": "UsageError",
            "what": "the stride is off",
            "seen": "7",
            "allowed": "1 to 5",
            "fix": "Use --stride 5.",
            "exit_code": 2,
        }
    }
    assert str(fake.error) == "the stride is off; got 7; allowed: 1 to 5. Use stride=5."


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        (["run", "--stride", "9"], "9"),
        (["run", "--threads", "0"], "0"),
        (["run", "--engine", "tpu"], "tpu"),
        (["classify", "clip.mp4", "--prior-strength", "5"], "5"),
        (["rnu"], "rnu"),
        (["fill"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_usage_error_says_what_was_seen_as_text_and_as_json(
    typed: list[str], seen: str | None, call: Any, fake: Any
) -> None:
    text, answer = call(*typed), call(*typed, "--json")
    assert (text.code, answer.code, answer.out) == (2, 2, "")
    shown = json.loads(answer.err)["error"]
    assert (shown["type"], shown["seen"], shown["exit_code"]) == ("UsageError", seen, 2)
    assert "--help" in shown["fix"]
    assert shown["what"] in text.err
    if seen is not None:
        assert f"seen:    {seen}" in text.err


def test_an_address_is_shown_as_it_was_typed(call: Any) -> None:
    ended = call("tokens", "https://example.org/clip.mp4")
    assert ended.code == 3
    assert "https://example.org/clip.mp4" in ended.err
    assert "Download the video first." in ended.err


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["fill", "clip.mp4", "a [MASK] circle"], 2, 'The text comes first: `videobert fill "a [MASK] circle" VIDEO`'),
        (["fill", "a [MASK]", "--visual", "3"], 2, "Give the video too."),
        (["classify", "CLIP"], 2, '--label red --label blue --template "a [MASK] circle"'),
        (["classify", "CLIP", "--question", "color"], 3, "colour"),
        (["embed"], 2, "--text"),
        (["fill", "a", "CLIP", "--visual", "99"], 3, "Positions count clips, the first is 0."),
        (["classify", "CLIP", "--question", "colour", "--window-clips", "999"], 3, "Leave it out"),
        (["tokens", "CLIP", "--max-side-px", "32"], 3, "raise --max-side-px"),
        (["tokens", "CLIP", "--max-duration-s", "0.1"], 3, "raise --max-duration-s"),
        (["fill", "a [MASK]", "--max-text-chars", "3"], 3, "raise --max-text-chars"),
        (["run", "CLIP", "--engine", "openvino", "--device", "cuda"], 2, "Choose another --device"),
        (["run", "CLIP", "--html", "no/such/folder/x.html"], 2, "Make the folder first."),
        (["run", "CLIP", "--html", "x" * 300], 2, "Choose another name."),
        (["classify", "CLIP", "-l", "red", "-l", "Red", "-t", "a [MASK]"], 2, "'red' and 'Red'"),
        (["fill", "a", "CLIP", "--visual", "9" * 30], 3, "Positions count clips, the first is 0."),
        (["run", "CLIP", "--model", "x" * 300], 3, "Check the path."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_answered_in_the_words_of_the_command_line(
    typed: list[str], code: int, said: str, call: Any, tmp_path: Path
) -> None:
    clip = find("shapes") / "clip.mp4"
    ended = call(*(str(clip) if word == "CLIP" else word for word in typed), "--cache-dir", tmp_path / "cache")
    assert ended.code == code, ended.err
    assert said in ended.err
    assert "fix:" in ended.err


def test_a_block_says_what_seen_allowed_and_fix(call: Any, fake: Any) -> None:
    fake.error = InputError("the stride is off", seen=7, allowed="1 to 5", fix="Use --stride 5.")
    assert call("run", "clip.mp4").err == textwrap.dedent("""\
        error: the stride is off
          seen:    7
          allowed: 1 to 5
          fix:     Use --stride 5.
        """)


def test_hostile_values_stay_on_their_line(call: Any, fake: Any) -> None:
    fake.error = InputError("no such file", seen="a\nerror: fake\x1b[2J" + "x" * 5000)
    lines = call("run", "clip.mp4").err.splitlines()
    assert len(lines) == 2
    assert "\x1b" not in lines[1]
    assert len(lines[1]) < 400


def test_an_internal_error_asks_to_be_reported(call: Any, fake: Any) -> None:
    fake.error = ZeroDivisionError("division by zero")
    ended = call("run", "clip.mp4")
    assert "internal error: ZeroDivisionError: division by zero" in ended.err
    assert "--debug" in ended.err


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_the_traceback(how: str, call: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.error = InputError("the text is empty")
    if how == "environment":
        monkeypatch.setenv("VIDEOBERT_DEBUG", "1")
    ended = call("run", "clip.mp4", *(["--debug"] if how == "option" else []))
    assert ended.code == 3
    assert "Traceback" in ended.err
    assert ended.err.endswith("error: the text is empty\n")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (["rnu", "clip.mp4"], "Did you mean `run`?"),
        (["clasify", "clip.mp4"], "Did you mean `classify`?"),
        (["doctr"], "Did you mean `doctor`?"),
        (["run", "clip.mp4", "--htlm", "x"], "Did you mean `--html`?"),
        (["tokens", "clip.mp4", "--strid", "2"], "Did you mean `--stride`?"),
        (["run", "clip.mp4", "--jsn"], "Did you mean `--json`?"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_misspelt_verb_or_option_suggests_the_right_one(typed: list[str], meant: str, call: Any, fake: Any) -> None:
    ended = call(*typed)
    assert ended.code == 2
    assert ended.out == ""
    assert meant in ended.err
    assert not fake.loaded


@pytest.mark.parametrize(
    "typed",
    [
        ["run", "clip.mp4", "--stride", "6"],
        ["run", "clip.mp4", "--engine", "tpu"],
        ["run", "clip.mp4", "--threads", "0"],
        ["fill", "a [MASK]", "clip.mp4", "--visual", "garbage"],
        ["fill", "a [MASK]", "clip.mp4", "--visual", "-1"],
        ["classify", "clip.mp4", "--prior-strength", "nan"],
        ["run", "clip.mp4", "--max-duration-s", "nan"],
        ["tokens"],
        ["align", "clip.mp4"],
        ["train", "nothing", "--out", "x"],
    ],
    ids=" ".join,
)
def test_usage_errors_exit_with_2(typed: list[str], call: Any, fake: Any) -> None:
    ended = call(*typed)
    assert ended.code == 2
    assert ended.out == ""
    assert not fake.loaded


def test_a_model_that_does_not_exist_is_bad_input(call: Any) -> None:
    ended = call("run", "clip.mp4", "--model", "no/such/folder")
    assert ended.code == 3
    assert "no/such/folder" in ended.err


def test_load_is_looked_up_when_a_verb_runs(call: Any, fake: Any) -> None:
    assert videobert.load is not None
    assert call("run", "clip.mp4").code == 0
    assert fake.loaded["name"] == "shapes"
