"""Every example in a help text runs, in the order in which it stands, on small files of the names that it uses."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from videobert.cli.main import app

VERBS = [each.name for each in app.registered_commands if each.name]
# A line of a help text that is a command, or that an introduction ends in one: `Example: videobert …`.
COMMAND = re.compile(r"^(?:Examples?\b[^`]*?: *)?((?:[A-Z_]+=\S+ )*videobert [a-z].*)$")
DESK = "clip.mp4, data.jsonl, bert-base-uncased/ and s3d.pth"


def examples_in(help_text: str) -> list[list[str]]:
    """The commands of a help text, each as its words without `videobert`; several may stand in one line."""
    lines = [line.strip("│ \t") for line in help_text.splitlines()]
    typed = [match[1] for line in lines if (match := COMMAND.match(line))]
    commands = [shlex.split(part) for line in typed for part in line.rstrip("&\\ ").split("&&")]
    assert all(words[0] == "videobert" and words[1] in VERBS for words in commands), commands
    return [words[1:] for words in commands]


def checkpoints() -> ModuleType:
    """The makers of small checkpoints that the importers' own tests use."""
    path = Path(__file__).parents[3] / "modeling" / "importers" / "conftest.py"
    spec = importlib.util.spec_from_file_location("small_checkpoints", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def desk(tmp_path: Path, factory: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with everything that the examples take for granted."""
    from videobert_modeling.models import S3D

    pictures = [factory.picture(1 + number // 8) for number in range(48)]
    factory.write_clip(tmp_path / "clip.mp4", ticks=range(48), time_base=factory.Fraction(1, 8), frames=pictures)
    stretches = [
        {"video": "clip.mp4", "start": 1.5 * number, "end": 1.5 * number + 1.5, "labels": {"half": half}}
        for number, half in enumerate(("first", "first", "second", "second"))
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, stretches)), encoding="utf-8")
    small = checkpoints()
    bert = tmp_path / "bert-base-uncased"
    bert.mkdir()
    torch.save(small.random_bert(), bert / "pytorch_model.bin")
    (bert / "config.json").write_text(json.dumps({"model_type": "bert", "num_attention_heads": 4}))
    (bert / "vocab.txt").write_text("\n".join(small.VOCABULARY) + "\n", encoding="utf-8")
    torch.manual_seed(1)
    torch.save(S3D(0.125, 32, 5).state_dict(), tmp_path / "s3d.pth")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def help_of(call: Any, monkeypatch: pytest.MonkeyPatch, *words: str) -> str:
    monkeypatch.setenv("COLUMNS", "2000")  # no command is broken
    return str(call(*words, "--help").out)


def test_examples_are_found_wherever_they_stand() -> None:
    text = """
 Usage: videobert run [OPTIONS]
 Does `videobert build` and more. With videobert everything is easy.
 Example: videobert fill "a [MASK]" clip.mp4
 Examples, from A to B:
 videobert import bert a/ --out b &&
 videobert cluster c.mp4 --model b && videobert build b
 ╭─ Options ─╮
 │ Example: videobert run clip.mp4 │
 ╰───────────╯
"""
    expected = [
        ["fill", "a [MASK]", "clip.mp4"],
        ["import", "bert", "a/", "--out", "b"],
        ["cluster", "c.mp4", "--model", "b"],
        ["build", "b"],
        ["run", "clip.mp4"],
    ]
    assert examples_in(text) == expected


def test_every_help_that_speaks_of_an_example_has_one(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in VERBS:
        text = help_of(call, monkeypatch, verb)
        assert bool(examples_in(text)) == ("Example" in text), verb
    assert [words[0] for words in examples_in(help_of(call, monkeypatch, "import"))][-4:] == [
        *("import", "cluster", "build", "run")
    ]


@pytest.mark.slow
def test_every_example_runs(call: Any, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The way to a model comes first: other examples use what it made.
    order = ["import", *(verb for verb in VERBS if verb != "import")]
    ran: list[list[str]] = []
    for words in [[], *([verb] for verb in order)]:
        for example in examples_in(help_of(call, monkeypatch, *words)):
            if example not in ran:
                ended = call(*example)
                assert ended.code == 0, f"{shlex.join(example)} beside {DESK}\n{ended.err}"
                ran.append(example)
    assert len(ran) >= 7
    assert (desk / "my-model" / "graphs" / "backbone.onnx").is_file()
