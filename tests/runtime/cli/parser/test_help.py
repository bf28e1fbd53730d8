"""Help of the command and of each verb."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
import typing
from typing import Any

import pytest

import videobert
from videobert.cli.main import app
from videobert.model.precision import GRAPH_PRECISIONS, PRECISIONS

MODEL = [
    "--model",
    "--device",
    "--engine",
    "--threads",
    "--decoder-threads",
    "--hint",
    "--precision",
    "--stride",
    "--track",
    "--max-duration-s",
    "--max-side-px",
    "--max-text-chars",
]
TALK = ["--json", "--quiet", "--debug", "--help"]
VERBS = {
    "run": ["--html", "--top", "--context-clips", "--evidence", *MODEL],
    "stream": ["--top", "--context-clips", "--evidence", *MODEL],
    "tokens": ["--out", "--assignment", *MODEL],
    "features": ["--out", *MODEL],
    "embed": ["--text", "--out", *MODEL],
    "fill": ["--visual", "--top", "[MASK]", *MODEL],
    "classify": [
        "--question",
        "--label",
        "--template",
        "--window-clips",
        "--top",
        "--prior-strength",
        "--evidence",
        *MODEL,
    ],
    "align": ["--window-clips", "--evidence", *MODEL],
    "caption": ["--span", "--out", "--format", "--evidence", *MODEL],
    "answer": ["QUESTION", "--choice", "--span", "--evidence", *MODEL],
    "events": ["--question", "--label", "--at-least", "--evidence", *MODEL],
    "forecast": ["--ahead", "--top", "--index", "--context-clips", "--evidence", *MODEL],
    "index": ["FOLDER", "--out", "--retry", "videobert[search]", *MODEL],
    "search": ["INDEX", "--video", "--span", "--top", "--html", "videobert[search]", "--evidence", *MODEL],
    "locate": ["TEXT", "--top", "--evidence", *MODEL],
    "summarize": ["--seconds", "--share", "--text", "--out", "--evidence", *MODEL],
    "sentiment": ["--text", "learn", "--evidence", *MODEL],
    "edit": [
        "--keep",
        "--remove",
        "--seconds",
        "--list",
        "--from",
        "--out",
        "--dry-run",
        ".edl",
        ".otio",
        "--evidence",
        *MODEL,
    ],
    "build": ["--out", "tensorrt-rtx", "tensorrt", "triton-server", "cuda-sm90", "videobert[build,kernels]"],
    "import": [
        "--out",
        "--tokenizer",
        "--backbone",
        "--centroids",
        "--no-strict",
        "bert",
        "mdskul",
        "s3d",
        "i3d",
        "--labels",
    ],
    "cluster": ["--out", "--branching", "--depth", "--seed"],
    "learn": ["--out", "--question", "--replace", "--features", "data.jsonl"],
    "train": ["--out", "--seed", "--scale", "--real-film", "shapes"],
    "get": ["--from", "--quality", "VIDEOBERT_MODELS", "sha256"],
    "models": [],
    "show": ["--words", "MODEL"],
    "compare": ["shapes:fp32", "--film", "--runs", "--no-speed", "--layers", "--verb", "--stride", "--threads"],
    "plan": ["--latency-ms", "--memory-mb", "--real-time", "--least-agreement", "--model", "--engine", "--precision"],
    "doctor": [],
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_option(verb: str, flag: str, call: Any) -> None:
    ended = call(verb, flag)
    assert ended.code == 0
    assert ended.err == ""
    for option in VERBS[verb] + TALK:
        assert option in ended.said, option


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_every_word_of_every_text(verb: str, call: Any) -> None:
    (function,) = [each.callback for each in app.registered_commands if each.name == verb and each.callback]
    own = inspect.unwrap(function)
    hints = typing.get_type_hints(own, include_extras=True)
    options = hints.pop("options")
    hints |= typing.get_type_hints(options, include_extras=True)
    texts = [own.__doc__ or "", *(hint.__metadata__[0].help for name, hint in hints.items() if name != "return")]
    assert len(texts) >= 4
    shown = call(verb, "--help").said
    for text in texts:
        # Each word by itself: columns of the table stand between the lines of one text.
        for word in text.split():
            assert word in shown, text


@pytest.mark.parametrize("verb", [None, *VERBS])
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_help_fits_the_width_and_breaks_no_word(
    verb: str | None, width: int, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = (*([verb] if verb else []), "--help")
    monkeypatch.setenv("COLUMNS", "9000")
    whole = set(call(*words).out.split())
    monkeypatch.setenv("COLUMNS", str(width))
    shown = call(*words).out
    # A command goes on in the next line as a shell has it.
    assert set(shown.replace(" \\\n", "\n").split()) <= whole
    for line in shown.splitlines():
        # A word that alone is wider than what its place leaves may stick out, nothing else.
        assert len(line) <= width or len(line.split()) == 1, line


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_help_names_what_an_option_takes_and_nothing_for_a_flag(verb: str | None, call: Any) -> None:
    shown = call(*([verb] if verb else []), "--help").out
    assert "<" not in shown
    for flag in ("--help, -h", *(("--json", "--quiet, -q", "--debug") if verb else ("--version",))):
        assert re.search(rf"^  {flag}   +[A-Z]", shown, re.MULTILINE), flag


@pytest.mark.parametrize("verb", VERBS)
def test_the_usage_writes_each_argument_once_in_its_brackets(verb: str, call: Any) -> None:
    usage = call(verb, "--help").said.split(" Options")[0]
    assert "[[" not in usage
    assert "..." not in usage


def test_help_says_which_values_an_option_takes(call: Any) -> None:
    shown = call("run", "--help").said
    assert "--engine NAME What runs the graphs. [auto, openvino, tensorrt, torch] [default: auto]" in shown
    assert "--stride N Use every n-th clip; the model's recipe decides if not given. [1 to 5]" in shown
    assert "--html FILE Also" in shown
    assert (
        "KIND auto tells it by the names of tensors. s3d, i3d, s3dg, resnet and centroids become files, the others "
        "model folders. [auto, bert, roberta, mdskul, univl, milnce, ammesatyajit, s3d, i3d, s3dg, resnet, centroids]"
        in (call("import", "--help").said)
    )


def test_help_names_precisions_as_the_vocabulary_has_them(call: Any) -> None:
    assert f"With --target: {', '.join(GRAPH_PRECISIONS[:-1])} or {GRAPH_PRECISIONS[-1]}." in (
        call("build", "--help").said
    )
    assert f"[{', '.join(PRECISIONS)}] [default: auto]" in call("run", "--help").said


def test_a_text_in_brackets_is_no_markup(call: Any) -> None:
    assert "dali needs videobert[dali]." in call("cluster", "--help").said


def test_help_lists_every_verb(call: Any) -> None:
    ended = call("--help")
    assert ended.code == 0
    for verb in VERBS:
        assert f" {verb} " in ended.out
    for code in (
        "0 good",
        "1 `check` or `compare` found",
        "`bench --against` something slower",
        "2 usage",
        "3 bad input",
        "4 environment",
        "5 internal",
    ):
        assert code in ended.said
    assert "130 stopped; 141 nobody reads stdout" in ended.said
    assert '{"error": {"type", "what", "seen", "allowed", "fix", "exit_code"}}' in ended.said


def test_no_arguments_show_the_help(call: Any) -> None:
    ended = call()
    assert ended.code == 2
    assert "Usage: videobert" in ended.out + ended.err


def test_version(call: Any) -> None:
    ended = call("--version")
    assert (ended.code, ended.out) == (0, f"videobert {videobert.__version__}\n")


def test_help_loads_no_library_that_it_does_not_need() -> None:
    code = (
        "import sys, atexit; from videobert.cli.main import main; "
        "atexit.register(lambda: print(*{n.split('.')[0] for n in sys.modules}, file=sys.stderr)); "
        "main(['run', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"av", "openvino", "tokenizers", "safetensors", "torch", "onnx", "videobert_modeling"}


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "videobert", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"videobert {videobert.__version__}\n"


@pytest.mark.parametrize("verb", ["run", "tokens", "embed", "classify", "cluster"])
def test_arguments_that_may_be_repeated_are_marked_once(verb: str, call: Any) -> None:
    page = call(verb, "--help").out
    name, optional = ("SOURCES", False) if verb == "cluster" else ("VIDEO", verb in ("run", "embed"))
    usage = f"[{name}…]" if optional else f"{name}…"
    assert page.splitlines()[0].startswith(f"Usage: videobert {verb} {usage} ")
    assert f"\n  {name}…   " in page
