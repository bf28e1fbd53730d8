"""What is typed wrongly is answered in our own words: what was wrong, what was seen, what is allowed, what to do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import typer

from videobert.cli.main import app

# What typer, click and pydantic say, in whatever version.
PARSERS_OWN = re.compile(
    r"Input should|Invalid value|Value error|valid (integer|number)|No such|Got unexpected|Missing (argument|option|"
    r"command)|requires an argument|does not take|Try '|is not one of '|unable to parse"
)

MISTAKES: dict[str, tuple[list[str], str | None, str]] = {
    "too small": (["run", "--threads", "0"], "0", "a whole number, 1 or more"),
    "too large": (["run", "--stride", "9"], "9", "a whole number, 1 to 5"),
    "too many threads": (["run", "--decoder-threads", "17"], "17", "a whole number, 1 to 16, or measured"),
    "neither a number nor a word": (
        ["run", "--decoder-threads", "mesured"],
        "mesured",
        "a whole number, 1 to 16, or measured",
    ),
    "negative": (["fill", "a [MASK]", "c.mp4", "-v", "-3"], "-3", "a whole number, 0 or more"),
    "no whole number": (["run", "--stride", "3.5"], "3.5", "a whole number, 1 to 5"),
    "no number": (["classify", "c.mp4", "--prior-strength", "2,5"], "2,5", "a number, 0 to 2"),
    "not a number": (["run", "--max-duration-s", "nan"], "nan", "a number, 0 or more"),
    "a word": (["cluster", "a", "--depth", "deep"], "deep", "a whole number, 1 or more"),
    "digits of another script": (["run", "--top", "٣"], "٣", "a whole number, 1 or more"),
    "too many digits": (["run", "--top", "9" * 6000], "9" * 300 + "…", "a whole number, 1 or more"),
    "an empty number": (["run", "--stride="], "an empty text", "a whole number, 1 to 5"),
    "an empty path": (["run", "c.mp4", "--html="], "an empty text", "a path"),
    "wrong choice": (["run", "--engine", "tensort"], "tensort", "auto, openvino, tensorrt, torch"),
    "wrong choice of an argument": (["import", "brt", "x", "--out", "y"], "brt", "auto, bert, roberta, mdskul"),
    "missing argument": (["fill"], None, "`videobert fill TEXT [VIDEO] [OPTIONS]`"),
    "missing second argument": (["align", "c.mp4"], None, "`videobert align VIDEO TEXT [OPTIONS]`"),
    "missing repeated argument": (["cluster"], None, "`videobert cluster SOURCES… [OPTIONS]`"),
    "missing option": (["import", "bert", "x"], None, "`videobert import KIND SOURCE --out PATH [OPTIONS]`"),
    "unknown option": (["align", "c.mp4", "text", "--htlm"], "--htlm", "--window-clips, --evidence, --json"),
    "unknown letter": (["doctor", "-z"], "-z", "--json, --quiet, --debug, --help"),
    "unknown option of the command": (["--verson"], "--verson", "--version"),
    "no value": (["embed", "--text"], None, "--text TEXT"),
    "no value for a letter": (["embed", "-t"], None, "-t TEXT"),
    "a value too many": (["run", "--json=3"], None, "--json alone"),
    "a value for one of two": (["import", "bert", "x", "--out", "y", "--strict=3"], None, "--strict or --no-strict"),
    "too many arguments": (["align", "a", "b", "c c", "d"], "c c d", "`videobert align VIDEO TEXT [OPTIONS]`"),
    "unknown verb": (["clasify", "x"], "clasify", "run, tokens, features, embed, fill, classify"),
    "no verb": (["--"], None, "run, tokens, features, embed, fill, classify"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_answered_in_our_words(name: str, call: Any, fake: Any) -> None:
    typed, seen, allowed = MISTAKES[name]
    text = call(*typed)
    assert (text.code, text.out) == (2, "")
    assert text.err.startswith("error: ")
    assert not PARSERS_OWN.search(text.err), text.err
    assert f"  allowed: {allowed}" in text.err
    assert "  fix:     " in text.err
    assert "--help` shows what can be given." in text.err
    if seen is not None:
        assert f"  seen:    {seen}\n" in text.err
    assert not fake.loaded


@pytest.mark.parametrize("name", [name for name in MISTAKES if name != "no verb"])
def test_a_mistake_is_one_object_with_json(name: str, call: Any, fake: Any) -> None:
    typed, seen, allowed = MISTAKES[name]
    ended = call(*typed, "--json") if "value" not in name or "=" in typed[-1] else call(typed[0], "--json", *typed[1:])
    error = json.loads(ended.err)["error"]
    assert (ended.code, ended.out, error["type"], error["exit_code"]) == (2, "", "UsageError", 2)
    assert error["allowed"].startswith(allowed)
    assert not PARSERS_OWN.search(ended.err)
    if name != "too many arguments":
        assert error["seen"] == seen


def test_the_nearest_choice_is_offered(call: Any, fake: Any) -> None:
    assert "Did you mean `tensorrt`?" in call("run", "--engine", "tensort").err
    assert "Did you mean" not in call("run", "--engine", "qqq").err


def test_an_option_is_named_in_full(call: Any, fake: Any) -> None:
    assert call("fill", "a [MASK]", "-v", "x").err.startswith("error: --visual is not a whole number\n")


@pytest.mark.parametrize(("digits", "code"), [(19, 0), (30, 0), (5000, 2)])
def test_a_whole_number_may_have_many_digits(digits: int, code: int, call: Any, fake: Any) -> None:
    ended = call("run", "clip.mp4", "--top", "9" * digits)
    assert ended.code == code
    if code:
        assert "error: --top is out of range\n" in ended.err
    else:
        assert fake.asked[-1][2]["top"] == int("9" * digits)


def test_what_is_typed_behind_two_dashes_is_no_option(call: Any, fake: Any) -> None:
    ended = call("align", "--", "clip.mp4", "a", "--json")
    assert ended.code == 2
    assert "seen:    --json" in ended.err


@pytest.mark.parametrize("verb", [verb.name for verb in app.registered_commands])
def test_every_option_of_every_verb_refuses_in_our_words(verb: str, call: Any, fake: Any) -> None:
    """No option, of today or later, lets the parser's own words out: a number's range, a choice, a flag's value."""
    command = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]
    arguments = ["x" for each in command.params if each.param_type_name == "argument" and each.required]
    asked = 0
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            continue
        option = max(parameter.opts, key=len)
        wrong = f"{option}=\x1b[31mno" if getattr(parameter, "is_flag", False) else option
        ended = call(verb, *arguments, wrong)
        assert ended.code == 2, ended.err
        assert not PARSERS_OWN.search(ended.err), ended.err
        assert ended.err.startswith(f"error: {option} ")
        asked += 1
    assert asked >= 3


def test_an_environment_that_says_neither_yes_nor_no(call: Any, fake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEOBERT_DEBUG", "perhaps")
    ended = call("run", "clip.mp4")
    assert ended.code == 2
    assert not PARSERS_OWN.search(ended.err)
    assert "error: --debug" in ended.err
    assert "allowed: true or false" in ended.err
