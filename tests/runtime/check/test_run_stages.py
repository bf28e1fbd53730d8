"""Stages one after the other, on an engine in numpy: what was given, what follows from it, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.numpy_univl import CONFIG as NUMPY_UNIVL
from tests.numpy_univl import NumpyUniVl, write_numpy_univl
from tests.small_conse import CONFIG, RECIPE, NumpyEngine, write_small_conse

from videobert.base.errors import InputError, LimitExceeded
from videobert.check import fit
from videobert.check.given import Given
from videobert.check.pixels import features_of_pixels
from videobert.check.ranges import Ranges
from videobert.check.run_stages import Found, StageRun, check_ran
from videobert.model.config import EncoderConfig, ModelConfig
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


@pytest.mark.parametrize("mask", [[[1, 1]], [[1, 1, 0, 0]]])
def test_a_mask_has_the_places_of_what_it_is_for(folder: ModelFolder, mask: list[list[int]]) -> None:
    with pytest.raises(InputError, match="mask of the text_encoder has another number of places"):
        run(folder, ids=[[1, 2, 3]], mask=mask)


def test_sequences_go_through_in_blocks_and_come_out_in_order(folder: ModelFolder) -> None:
    ids = np.random.default_rng(1).integers(1, 6, (70, 3))
    whole, engine = run(folder, ["text_encoder"], ids=ids, lengths=np.full(70, 3))
    assert engine.calls == ["text_encoder"] * 3
    alone, _ = run(folder, ["text_encoder"], ids=ids[40:41], lengths=[3])
    states = "text_encoder.states"
    assert np.array_equal(whole.outputs[states][40], alone.outputs[states][0])


def test_what_takes_too_much_is_refused_before_a_stage_is_run(
    folder: ModelFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = np.ones((50, 4), np.float16)
    monkeypatch.setattr(fit, "MOST_BYTES", 700)
    with pytest.raises(LimitExceeded, match="features of the colour_head takes too many bytes; got 800"):
        run(folder, ["colour_head"], features=wide)
    with pytest.raises(LimitExceeded, match=r"text_encoder\.states takes too many bytes"):
        run(folder, ["text_encoder"], ids=np.ones((2, 30), np.int8), lengths=[30, 30])


def test_a_clip_of_pixels_has_a_limit() -> None:
    class Pixels(NumpyEngine):
        def features_of_pixels(self, pixels: Any) -> Any:
            raise AssertionError("it was run")

    backbone = next(spec for spec in SPECS if spec.name == "backbone")
    huge = np.broadcast_to(np.float16(0), (1, 3, 15, 6000, 6000))
    with pytest.raises(LimitExceeded, match="a clip of pixels is too large"):
        features_of_pixels(Pixels(), backbone, huge, RECIPE, [])


DECODER = replace(NUMPY_UNIVL, heads=("decoder",), two_streams=replace(NUMPY_UNIVL.two_streams, decoder=EncoderConfig(
    layers=1, width=NUMPY_UNIVL.encoder.width, heads=1, feed_forward=4, positions=8)))  # fmt: skip


@pytest.mark.parametrize(
    ("lengths", "mask", "said"),
    [
        ([5, 5], [[1, 0], [0, 1]], None),
        ([5, 6], [[1, 1], [1, 1]], r"decoder\.past_lengths is out of range; got 5 to 6; allowed: 0 to 5"),
        ([5, 5], [[1, 1], [0, 0]], r"decoder\.memory_mask has a row without a real place; got row 1"),
    ],
)
def test_words_before_and_new_ones_are_no_more_than_the_decoder_has(
    lengths: list[int], mask: list[list[int]], said: str | None
) -> None:
    spec = next(spec for spec in stage_specs(DECODER, RECIPE) if spec.name == "decoder")
    sizes = {"batch": 2, "length": 3, "past": 7, "memory": 2}
    inputs = {tensor.name: np.zeros(tensor.shape_with(sizes), tensor.dtype) for tensor in spec.inputs}
    inputs |= {"past_lengths": np.array(lengths), "memory_mask": np.array(mask)}
    ranges = Ranges(DECODER)
    if said is None:
        ranges.check(spec, inputs, spec.lengths_of(inputs))
        return
    with pytest.raises(InputError, match=said):
        ranges.check(spec, inputs, spec.lengths_of(inputs))
