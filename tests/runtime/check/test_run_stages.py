"""Stages one after the other, on an engine in numpy: what was given, what follows from it, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.numpy_univl import NumpyUniVl, write_numpy_univl
from tests.small_conse import CONFIG, RECIPE, NumpyEngine, write_small_conse

from videobert.base.errors import InputError
from videobert.check.given import Given
from videobert.check.run_stages import Found, StageRun, check_ran
from videobert.model.config import ModelConfig
from videobert.model.folder import ModelFolder
from videobert.model.stage_lists import stage_specs

SPECS = stage_specs(CONFIG, RECIPE)
JOINT = ModelConfig(name="joint", words=11, visual_tokens=5)
NAMES = [spec.name for spec in SPECS]
CLIPS = np.random.default_rng(3).integers(0, 256, (2, 15, 48, 48, 3), np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    path = tmp_path_factory.mktemp("conse")
    write_small_conse(path)
    return ModelFolder(path)


def run(folder: ModelFolder, stages: list[str] | None = None, **arrays: Any) -> tuple[Found, NumpyEngine]:
    given = Given({name.replace("__", "."): np.asarray(array) for name, array in arrays.items()}, SPECS)
    engine = NumpyEngine()
    return StageRun(folder, engine, SPECS).run(given, stages or NAMES), engine


def test_what_follows_from_a_stage_is_taken_from_it(folder: ModelFolder) -> None:
    found, engine = run(folder, clips=CLIPS)
    ran = {stage.name: stage for stage in found.stages if stage.ran}
    assert list(ran) == ["backbone", "colour_head"]
    # One clip at a time, so that none depends on its neighbours.
    assert engine.calls.count("backbone") == 2
    assert ran["colour_head"].notes == ("features from backbone.features: as the backbone gave them",)
    assert found.outputs["colour_head.logits"].shape == (2, 3)
    assert np.allclose(found.outputs["backbone.features"][:, :3], CLIPS.mean(axis=(1, 2, 3)) / 255)
    lacking = {stage.name: stage.lacks for stage in found.stages if stage.lacks}
    assert lacking == {
        "shot_boundaries": ("frames",),
        "light_classifier": ("pictures",),
        "text_encoder": ("ids", "lengths"),
    }


def test_a_head_over_untrained_rows_is_untrained(folder: ModelFolder) -> None:
    opened = SimpleNamespace(config=replace(JOINT, untrained=("visual_tokens",)), recipe=RECIPE)
    specs = stage_specs(JOINT, RECIPE)
    runs = StageRun(opened, NumpyEngine(), specs)  # type: ignore[arg-type]
    found = runs.run(Given({}, specs), [spec.name for spec in specs])
    assert [stage.name for stage in found.stages if stage.untrained] == ["visual_head"]


def test_what_was_given_goes_before_what_follows(folder: ModelFolder) -> None:
    features = np.ones((1, 4), np.float32)
    found, _ = run(folder, clips=CLIPS, colour_head__features=features)
    assert found.outputs["colour_head.logits"].shape == (1, 3)
    assert np.array_equal(found.inputs["colour_head.features"], features)


def test_padding_is_zero_in_what_comes_out(folder: ModelFolder) -> None:
    found, _ = run(folder, ids=[[1, 2, 3], [4, 5, 6]], mask=[[1, 1, 0], [1, 1, 1]])
    states = found.outputs["text_encoder.states"]
    assert not states[0, 2].any()
    assert states[1].all()
    assert found.real["text_encoder.states"].tolist() == [[True, True, False], [True, True, True]]


def test_one_stage_brings_those_that_it_needs(folder: ModelFolder) -> None:
    found, _ = run(folder, ["colour_head"], clips=CLIPS, ids=[[1]], lengths=[1])
    assert [stage.name for stage in found.stages] == ["backbone", "colour_head"]
    found, engine = run(folder, ["colour_head"], clips=CLIPS, features=np.ones((1, 4), np.float32))
    assert engine.calls == ["colour_head"]


def test_rows_keep_the_axis_before_them(folder: ModelFolder) -> None:
    rows = np.random.default_rng(0).standard_normal((3, 200, 4)).astype(np.float32)
    found, engine = run(folder, ["colour_head"], features=rows)
    assert found.outputs["colour_head.logits"].shape == (3, 200, 3)
    assert engine.calls == ["colour_head"] * 3
    alone, _ = run(folder, ["colour_head"], features=rows[1, 50:60])
    assert np.array_equal(found.outputs["colour_head.logits"][1, 50:60], alone.outputs["colour_head.logits"])


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"ids": [[0, 21]], "lengths": [2]}, "text_encoder.ids is out of range"),
        ({"ids": [[-1, 0]], "lengths": [2]}, "text_encoder.ids is out of range"),
        ({"ids": [[1, 2]], "lengths": [0]}, "text_encoder.lengths is out of range"),
        ({"ids": [[1, 2]], "lengths": [3]}, "text_encoder.lengths is out of range"),
        ({"ids": [[1, 2]], "lengths": [1, 2]}, "the input lengths of the text_encoder does not fit"),
        ({"ids": [[1, 2]], "mask": [[1, 1], [1, 1]]}, "the input lengths of the text_encoder does not fit"),
    ],
)
def test_values_that_no_table_has_are_refused(folder: ModelFolder, arrays: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        run(folder, **arrays)


def test_an_engine_without_pixels_says_so(folder: ModelFolder) -> None:
    with pytest.raises(InputError, match="pixels go into the torch engine alone"):
        run(folder, pixels=np.zeros((1, 3, 15, 48, 48), np.float32))


def test_an_engine_without_pixels_beside_one_that_has_them_leaves_them_out(folder: ModelFolder) -> None:
    given = Given({"pixels": np.zeros((1, 3, 15, 48, 48), np.float32)}, SPECS)
    found = StageRun(folder, NumpyEngine(), SPECS, beside=True).run(given, NAMES)
    assert found.stages[0].reason == "pixels go into the torch engine alone"
    assert not any(stage.ran for stage in found.stages)


def test_a_stage_that_cannot_run_is_told_and_by_itself_an_error(folder: ModelFolder) -> None:
    found, _ = run(folder, ["text_encoder"], ids=[[1, 2]])
    with pytest.raises(InputError) as raised:
        check_ran(found, "text_encoder")
    assert raised.value.seen == "lacks lengths"
    assert raised.value.allowed == "text_encoder.lengths"
    found, _ = run(folder, clips=CLIPS)
    assert next(stage.reason for stage in found.stages if stage.name == "nearest")
    with pytest.raises(InputError, match="only engines on a GPU"):
        check_ran(found, "nearest")
    check_ran(found, None)
    with pytest.raises(InputError, match="no stage can be run") as raised:
        check_ran(run(folder, ids=[[1]])[0], None)
    assert "nearest: only engines on a GPU" in str(raised.value.seen)


def test_a_model_of_two_streams_runs_from_text_and_features(tmp_path: Path) -> None:
    write_numpy_univl(tmp_path)
    opened = ModelFolder(tmp_path)
    specs = stage_specs(opened.config, opened.recipe)
    arrays = {
        "ids": np.array([[1, 5, 2, 0], [1, 6, 7, 2]]),
        "text_mask": np.array([[1, 1, 1, 0], [1, 1, 1, 1]]),
        "features": np.random.default_rng(0).random((2, 3, 4)),
        "video_mask": np.array([[1, 1, 1], [1, 0, 0]]),
    }
    found = StageRun(opened, NumpyUniVl(), specs).run(Given(arrays, specs), [spec.name for spec in specs])
    assert [stage.name for stage in found.stages if not stage.ran] == ["backbone"]
    fused = found.outputs["cross_encoder.states"]
    assert fused.shape[:2] == (2, 7)
    assert not fused[0, 3].any()
    assert not fused[1, 5:].any()
    assert np.array_equal(found.inputs["text_head.states"], fused[:, :4])
    assert np.array_equal(found.inputs["visual_head.states"], fused[:, 4:])
    assert np.array_equal(found.inputs["cross_pooler.states"], fused[:, 0])
    assert found.outputs["alignment_head.logits"].shape == (2,)
    text, video = found.outputs["text_encoder.states"], found.outputs["video_encoder.states"]
    assert np.allclose(found.outputs["text_encoder.vectors"], [text[0, 1:3].mean(0), text[1, 1:4].mean(0)])
    assert np.allclose(found.outputs["video_encoder.vectors"], [video[0].mean(0), video[1, 0]])
    again = Given(arrays | found.outputs, specs)
    assert again.notes[0].startswith("not read")
