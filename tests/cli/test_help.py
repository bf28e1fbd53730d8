"""Help of the command and of each verb."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import videobert

MODEL = [
    "--model",
    "--device",
    "--engine",
    "--threads",
    "--hint",
    "--precision",
    "--stride",
    "--max-duration-s",
    "--max-side-px",
]
TALK = ["--json", "--quiet", "--debug", "--help"]
VERBS = {
    "run": ["--html", "--top", "--context-clips", *MODEL],
    "tokens": ["--out", "--assignment", *MODEL],
    "embed": ["--text", "--out", *MODEL],
    "fill": ["--visual", "--top", "[MASK]", *MODEL],
    "classify": ["--question", "--label", "--template", "--window-clips", "--top", "--prior-strength", *MODEL],
    "align": MODEL,
    "build": ["--out"],
    "import": ["--out", "--tokenizer", "--backbone", "--centroids", "--no-strict", "bert", "mdskul", "s3d"],
    "cluster": ["--out", "--branching", "--depth", "--seed"],
    "train": ["--out", "--seed", "--scale", "--real-film", "shapes"],
    "doctor": [],
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_every_option(verb: str, flag: str, call: Any) -> None:
    ended = call(verb, flag)
    assert ended.code == 0
    assert ended.err == ""
    for option in VERBS[verb] + TALK:
        assert option in ended.out, option


def test_help_lists_every_verb(call: Any) -> None:
    ended = call("--help")
    assert ended.code == 0
    for verb in VERBS:
        assert f" {verb} " in ended.out
    for code in ("0 good", "2 usage", "3 bad input", "4 environment", "5 internal"):
        assert code in ended.out


def test_no_arguments_show_the_help(call: Any) -> None:
    ended = call()
    assert "Usage: videobert" in ended.out + ended.err


def test_version(call: Any) -> None:
    ended = call("--version")
    assert (ended.code, ended.out) == (0, f"videobert {videobert.__version__}\n")


def test_help_loads_no_library_that_it_does_not_need() -> None:
    code = (
        "import sys, atexit; from videobert.cli.app import main; "
        "atexit.register(lambda: print(*{n.split('.')[0] for n in sys.modules}, file=sys.stderr)); "
        "main(['run', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert not loaded & {"av", "openvino", "tokenizers", "safetensors", "torch", "onnx", "videobert_modeling"}


def test_the_module_runs_as_a_command() -> None:
    done = subprocess.run([sys.executable, "-m", "videobert", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"videobert {videobert.__version__}\n"
