"""A copy of a model with more questions: what is new in it, what stays, what may not be replaced."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from tests.modeling.learn.conftest import Lesson

import videobert
from videobert.base.errors import MismatchError, UsageError
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert_modeling.export import export_folder
from videobert_modeling.learn import learn
from videobert_modeling.learn.taught_folder import check_taught

GRAPH = "graphs/shade_head.onnx"


def test_only_what_the_head_is_added_to_is_new(lesson: Lesson) -> None:
    before, after = ModelFolder(lesson.model), ModelFolder(lesson.learned.folder)
    after.verify()
    assert set(after.names()) == {*before.names(), GRAPH, "learn.json"}
    changed = {name for name in before.names() if before.digest(name) != after.digest(name)}
    assert changed == {"config.json", "model.safetensors", "README.md"}
    assert before.backbone_hash() == after.backbone_hash()
    tensors, own = load_file(lesson.model / "model.safetensors"), load_file(after.path("model.safetensors"))
    assert set(own) - set(tensors) == {"feature_heads.shade.weight", "feature_heads.shade.bias"}
    for name, tensor in tensors.items():
        assert own[name].dtype == tensor.dtype
        assert own[name].equal(tensor)


def test_the_question_is_in_the_configuration_with_its_threshold(lesson: Lesson) -> None:
    config = ModelFolder(lesson.learned.folder).config
    question = config.questions["shade"]
    assert (question.labels, question.answered_by, question.templates) == (("dark", "light"), "features", ())
    assert question.abstain is not None
    assert question.abstain.energy_at_least == lesson.learned.questions["shade"].threshold
    assert list(config.questions) == ["colour", "shade"]
    assert config.name == "taught"
    assert "## Question shade" in (lesson.learned.folder / "README.md").read_text(encoding="utf-8")
    account = json.loads((lesson.learned.folder / "learn.json").read_text(encoding="utf-8"))
    assert account["questions"]["shade"]["accuracy"]["n"] == 8


def test_the_graph_is_the_one_that_build_writes(lesson: Lesson, tmp_path: Path) -> None:
    export_folder(lesson.learned.folder, tmp_path / "built")
    for name in ModelFolder(lesson.learned.folder).names():
        assert (tmp_path / "built" / name).read_bytes() == (lesson.learned.folder / name).read_bytes(), name


@pytest.mark.parametrize("engine", ["openvino", "torch"])
def test_every_engine_answers_alike(lesson: Lesson, engine: str) -> None:
    film = lesson.data.parent / "dark0.mp4"
    with videobert.load(lesson.learned.folder, engine=engine, device="cpu", precision="fp32") as model:
        scores = {each.text: each.score for each in model.classify(film, question="shade").segments[0].candidates}
    assert scores["dark"] == pytest.approx(1, abs=0.2)
    account = lesson.learned.questions["shade"]
    assert account.confusion[0, 0] == 4
    assert sum(scores.values()) == pytest.approx(1, abs=1e-5)


def test_a_second_question_and_a_replaced_one(lesson: Lesson, tmp_path: Path) -> None:
    def data(question: str) -> Path:
        path = lesson.data.parent / f"{question}.jsonl"
        path.write_text(lesson.data.read_text(encoding="utf-8").replace("shade", question), encoding="utf-8")
        return path

    both = learn(lesson.learned.folder, data("tone"), tmp_path / "both", features=lesson.features)
    config = ModelFolder(both.folder).config
    assert list(config.questions) == ["colour", "shade", "tone"]
    account = json.loads((both.folder / "learn.json").read_text(encoding="utf-8"))
    assert set(account["questions"]) == {"shade", "tone"}
    with pytest.raises(UsageError, match="has a question of this name already"):
        learn(both.folder, data("tone"), tmp_path / "third", features=lesson.features)
    again = learn(both.folder, data("tone"), tmp_path / "third", features=lesson.features, replace=True)
    np.testing.assert_equal(
        load_file(again.folder / "model.safetensors")["feature_heads.tone.weight"].numpy(),
        load_file(both.folder / "model.safetensors")["feature_heads.tone.weight"].numpy(),
    )
    # A question of templates gives way too: its place is taken by a head.
    other = learn(both.folder, data("colour"), tmp_path / "fourth", features=lesson.features, replace=True)
    assert ModelFolder(other.folder).config.questions["colour"].answered_by == "features"


def test_a_damaged_file_of_the_model_is_not_copied(lesson: Lesson, tmp_path: Path) -> None:
    shutil.copytree(lesson.model, tmp_path / "damaged")
    (tmp_path / "damaged/graphs/encoder.onnx").write_bytes(b"other")
    with pytest.raises(MismatchError, match=r"graphs/encoder\.onnx"):
        learn(tmp_path / "damaged", lesson.data, tmp_path / "taught", features=lesson.features)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["damaged"]


def test_engines_are_not_copied_they_are_of_another_model(lesson: Lesson, tmp_path: Path) -> None:
    shutil.copytree(lesson.model, tmp_path / "model")
    (tmp_path / "model/engines").mkdir()
    (tmp_path / "model/engines/plan").write_bytes(b"code")
    learned = learn(tmp_path / "model", lesson.data, tmp_path / "taught", features=lesson.features)
    assert not (learned.folder / "engines").exists()


def test_names_and_places_that_cannot_be_taken(lesson: Lesson, tmp_path: Path) -> None:
    for name in ("text", "visual", "alignment"):
        with pytest.raises(UsageError, match="a question cannot be called so"):
            check_taught(lesson.model, tmp_path / "new", [name], replace=True)
    with pytest.raises(UsageError, match="a copy cannot lie in the folder itself"):
        check_taught(lesson.model, lesson.model / "inner", ["tone"], replace=False)
    check_taught(lesson.learned.folder, tmp_path / "new", ["tone", "shade"], replace=True)


def test_a_question_that_tokens_rest_on_is_not_replaced(lesson: Lesson, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(lesson.learned.folder, folder, ignore=shutil.ignore_patterns("manifest.json"))
    config = ModelConfig.read(folder / "config.json")
    config = dataclasses.replace(config, visual_tokens=2, token_question="shade")
    (folder / "config.json").write_text(json.dumps(config.to_json()), encoding="utf-8")
    with pytest.raises(UsageError, match="other parts of the model rest on this question"):
        check_taught(folder, tmp_path / "new", ["shade"], replace=True)
