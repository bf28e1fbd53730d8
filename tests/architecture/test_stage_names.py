"""A family lists its stages, and what is to be known of one stands in its specification: nothing else names them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.architecture.house import House

from videobert.model.stage_lists import BACKBONE, STAGE_LISTS, all_stage_names

# Where the stages are listed, where each family calls them, and what each of them computes.
HOMES = {
    "runtime/videobert/model/stage_links.py",
    "runtime/videobert/model/stage_lists.py",
    "runtime/videobert/model/text_encoder_stage.py",
    "runtime/videobert/model/univl_stages.py",
    "runtime/videobert/model/milnce_stages.py",
    "runtime/videobert/model/next_token_stages.py",
    *(f"runtime/videobert/families/{family}.py" for family in STAGE_LISTS),
    "modeling/videobert_modeling/models/stage_modules.py",
    # Where others' weights get our names, which those of stages are too.
    "modeling/videobert_modeling/importers/shared/roberta_layout.py",
    "modeling/videobert_modeling/importers/shared/univl_layout.py",
    "modeling/videobert_modeling/importers/shared/univl_decoder_layout.py",
}
# Names that are other things too, and where they are: parts of config.json, and the labels of a summary.
OTHER_THINGS = {
    "encoder": {
        "runtime/videobert/model/config.py",
        "runtime/videobert/report/model_summary.py",
        "modeling/videobert_modeling/train/shapes/chain.py",
    },
    "nearest": set[str](),
    # A part of many networks.
    "pooler": set[str](),
    # What writes sentences, a part of config.json, and what reads videos.
    "decoder": {
        "modeling/videobert_modeling/importers/shared/univl_config.py",
        "runtime/videobert/cli/open_model.py",
        "runtime/videobert/cli/verbs/answer.py",
        "runtime/videobert/cli/verbs/caption.py",
        "runtime/videobert/doctor/probes.py",
        "runtime/videobert/model/config.py",
        "runtime/videobert/pipeline/open_answers.py",
        "runtime/videobert/pipeline/origin.py",
        "runtime/videobert/results/answer.py",
        "runtime/videobert/results/caption.py",
        "runtime/videobert/tasks/caption.py",
        "runtime/videobert/text/tokenizer_file.py",
        "runtime/videobert/video/decoders/choice.py",
    },
}
# The backbone is a part of the weights and of the timings as well: it is looked for where stages are dealt with.
OF_STAGES = (
    "runtime/videobert/doctor/",
    "runtime/videobert/engines/",
    "runtime/videobert/serve/",
    "modeling/videobert_modeling/export/",
    "modeling/videobert_modeling/models/",
    "modeling/videobert_modeling/packed/",
)
# Training has steps of its own, which run by name too.
STEPS = "modeling/videobert_modeling/train/"
ONLY_STAGES = sorted(set(all_stage_names()) - {BACKBONE, *OTHER_THINGS})
# As a word, so that a file such as `graphs/text_head.onnx` counts; and the name of a head put together.
A_STAGE = re.compile(rf"\b({'|'.join(ONLY_STAGES)})\b|^_head\b")


def texts(tree: ast.AST) -> Iterator[ast.Constant]:
    """The strings of a file without those that say something about it."""
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node


def run_by_name(tree: ast.AST) -> set[int]:
    """The strings that something called `run` is given first."""
    return {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and re.search(r"\b_?run$", ast.unparse(node.func))
    }


def names_a_stage(file: str, text: str, *, is_run: bool) -> bool:
    if A_STAGE.search(text):
        return True
    if text == BACKBONE:
        return file.startswith(OF_STAGES) or (is_run and not file.startswith(STEPS))
    return text in OTHER_THINGS and file not in OTHER_THINGS[text]


def stages_named(house: House) -> list[str]:
    """Where a stage is called by its name outside of the files that own the names."""
    return [
        f"{file}:{each.lineno}: {each.value}"
        for path in house.sources(house.runtime, house.modeling)
        if (file := house.shown(path)) not in HOMES
        for each in named_in(file, path)
    ]


def named_in(file: str, path: Path) -> list[ast.Constant]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    run = run_by_name(tree)
    return [each for each in texts(tree) if names_a_stage(file, str(each.value), is_run=id(each) in run)]


def test_only_a_family_names_its_stages(house: House) -> None:
    assert not stages_named(house)


def test_every_file_that_may_name_them_does(house: House) -> None:
    for file in HOMES:
        assert named_in(file, house.root / file), file
    for name, files in OTHER_THINGS.items():
        for file in files:
            assert f'"{name}"' in (house.root / file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("runtime/videobert/report/planted.py", 'HEADS = ("text_head",)'),
        ("runtime/videobert/tasks/planted.py", 'def logits(run):\n    return run("visual_head")'),
        ("modeling/videobert_modeling/export/planted.py", 'FILE = "graphs/alignment_head.onnx"'),
        ("runtime/videobert/doctor/planted.py", 'def names(heads):\n    return [f"{head}_head" for head in heads]'),
        ("runtime/videobert/engines/planted.py", 'def is_joint(stage):\n    return stage == "encoder"'),
        ("runtime/videobert/engines/planted.py", 'MOST_ROWS = {"backbone": 1}'),
        (
            "runtime/videobert/pipeline/planted.py",
            'def feature(engine, clips):\n    return engine.run("backbone")',
        ),
        ("modeling/videobert_modeling/export/planted.py", 'GRAPH = "nearest"'),
    ],
)
def test_a_stage_that_is_named_elsewhere_is_seen(copy: House, name: str, text: str) -> None:
    copy.plant(name, text)
    (seen,) = stages_named(copy)
    assert seen.startswith(f"{name}:")


def test_words_and_other_parts_are_no_stages(copy: House) -> None:
    copy.plant("runtime/videobert/tasks/planted.py", '"""About the text_head."""\nPARTS = {"backbone": "the encoder"}')
    assert not stages_named(copy)
