"""A copy of a model folder that answers more questions: their heads in its weights, and a graph for each."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.errors import UsageError
from videobert.families.build_check import check_place
from videobert.families.verbs_of import with_section
from videobert.model.config import ModelConfig
from videobert.model.folder import CARD, ModelFolder
from videobert.model.manifest import model_files, write_manifest
from videobert.model.mending import CODEBOOK, MANIFEST, WEIGHTS
from videobert.model.questions import AbstainConfig, QuestionConfig, feature_stage, question_stage
from videobert.model.recipe import Recipe
from videobert.model.stage_lists import all_stage_names
from videobert_modeling.base.new_folder import write_whole
from videobert_modeling.learn.head.linear_head import LinearHead
from videobert_modeling.learn.report import LearnedQuestion
from videobert_modeling.learn.taught_card import card_with

ACCOUNT = "learn.json"
_CONFIG = "config.json"
_GRAPHS = "graphs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """A question's answers and what gives them.

    Args:
        labels: rows of the head.
        threshold: energy below which a clip's answer is left open; None leaves none open.
    """

    labels: tuple[str, ...]
    head: LinearHead
    threshold: float | None


def check_taught(source: Path, target: Path, questions: Iterable[str], *, replace: bool) -> None:
    """Whether a copy of `source` that answers `questions` may be written to `target`, before any work is done.

    Args:
        replace: the caller gives up questions of these names.

    Raises:
        UsageError: a name is taken, or nothing can be written there.
        ModelError: the model folder is missing something or damaged.
    """
    config = _config(source)
    if target.resolve().is_relative_to(source.resolve()):
        raise UsageError("a copy cannot lie in the folder itself", seen=str(target), fix="Name a new one with --out.")
    check_place(target)
    own = {question_stage(name, question) for name, question in config.questions.items()}
    taken = set(all_stage_names()) - own
    for name in questions:
        if feature_stage(name) in taken:
            raise UsageError(
                "a question cannot be called so: models have a stage of this name",
                seen=name,
                fix="Call it otherwise in the data, or with question=….",
                fix_cli="Call it otherwise in the data, or with --question.",
            )
        if name in config.questions:
            _check_replaced(name, config, replace)


def write_taught(
    source: Path, target: Path, taught: Mapping[str, Taught], accounts: Mapping[str, LearnedQuestion]
) -> bool:
    """Write the copy, whole or not at all. What `source` has is copied as it is, but for what the heads are added to.

    Returns:
        Whether it was built: then each head has its graph, as `videobert build` writes it, and the manifest is new.

    Raises:
        ModelError: a file of the folder is missing or damaged, or not what its manifest says.
    """
    config = _config(source)
    name = target.name if target.name.isprintable() and 0 < len(target.name) <= 128 else config.name
    questions = {key: question for key, question in config.questions.items() if key not in taught}
    questions |= {
        key: QuestionConfig(
            labels=each.labels, answered_by="features", abstain=AbstainConfig(energy_at_least=each.threshold)
        )
        for key, each in taught.items()
    }
    # What was taught is trained, whatever of that name was there before.
    stages = {question_stage(key, questions[key]) for key in taught}
    untrained = tuple(part for part in config.untrained if part not in stages)
    new = dataclasses.replace(config, name=name, questions=questions, untrained=untrained)
    built = (source / MANIFEST).is_file()

    def fill(place: Path) -> None:
        _copy(source, place, built)
        _write_json(place / _CONFIG, new.to_json())
        _add_heads(place / WEIGHTS, taught)
        _write_json(place / ACCOUNT, _account(source, accounts))
        card = source / CARD
        text = card.read_text(encoding="utf-8") if card.is_file() else f"# {name}\n"
        text = with_section(text, new, sees=(place / CODEBOOK).is_file())
        (place / CARD).write_text(card_with(text, accounts), encoding="utf-8")
        if built:
            _write_graphs(place, taught, ModelFolder(source).recipe)
            write_manifest(place)

    write_whole(target, fill)
    return built


def _config(source: Path) -> ModelConfig:
    if (source / MANIFEST).is_file():
        return ModelFolder(source).config
    return ModelConfig.read(source / _CONFIG)


def _check_replaced(name: str, config: ModelConfig, replace: bool) -> None:
    if not replace:
        raise UsageError(
            "the model has a question of this name already",
            seen=name,
            allowed=f"a name other than {', '.join(config.questions)}",
            fix="Call it otherwise, or pass replace=True to give up the one that is there.",
            fix_cli="Call it otherwise, or pass --replace to give up the one that is there.",
        )
    rest = {question.of for question in config.questions.values()} | {config.token_question}
    rest |= set() if config.text_space is None else {config.text_space.question}
    if name in rest or config.questions[name].answered_by == "pictures":
        raise UsageError(
            "other parts of the model rest on this question, and it cannot be replaced",
            seen=name,
            fix="Call yours otherwise.",
        )


def _copy(source: Path, place: Path, built: bool) -> None:
    """All files, checked against the manifest where there is one; compiled engines are of another model."""
    if built:
        folder = ModelFolder(source)
        files = {name: folder.verified_path(name) for name in folder.names()}
    else:
        files = {name: source / name for name in model_files(source)}
    for name, path in files.items():
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _add_heads(path: Path, taught: Mapping[str, Taught]) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    tensors = load_file(path)
    for name, each in taught.items():
        tensors[f"feature_heads.{name}.weight"] = torch.from_numpy(each.head.weight)
        tensors[f"feature_heads.{name}.bias"] = torch.from_numpy(each.head.bias)
    save_file(tensors, path)


def _write_graphs(place: Path, taught: Mapping[str, Taught], recipe: Recipe) -> None:
    from videobert_modeling.export.portable.graphs import graphs_of
    from videobert_modeling.export.portable.onnx_file import to_onnx
    from videobert_modeling.export.portable.parity import Reference, onnxruntime_runner
    from videobert_modeling.models import load_weights

    backbone, model = load_weights(place)
    stages = {feature_stage(name) for name in taught}
    for graph in graphs_of(backbone, model, recipe):
        if graph.name in stages:
            content = to_onnx(graph)
            Reference(graph).check("onnxruntime", onnxruntime_runner(content))
            (place / _GRAPHS / f"{graph.name}.onnx").write_bytes(content)


def _account(source: Path, accounts: Mapping[str, LearnedQuestion]) -> dict[str, Any]:
    """What `learn.json` says: of questions that were learned before, as far as it can be read, and of these."""
    try:
        before = json.loads((source / ACCOUNT).read_text(encoding="utf-8"))["questions"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        before = {}
    kept = before if isinstance(before, dict) else {}
    return {"questions": kept | {name: account.to_json() for name, account in accounts.items()}}


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
