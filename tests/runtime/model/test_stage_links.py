"""What follows from what: every link is of a stage that a family has, and gives what the stage takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from videobert.model import stage_links
from videobert.model.config import EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.questions import QuestionConfig
from videobert.model.recipe import Recipe
from videobert.model.stage import StageSpec, TensorSpec
from videobert.model.stage_links import Link
from videobert.model.stage_lists import backbone, stage_specs
from videobert.model.univl_stages import two_stream_stages

STACK = EncoderConfig(layers=2, width=8, heads=2, feed_forward=16, positions=40)
CONFIG = ModelConfig(
    name="tiny",
    words=11,
    visual_tokens=5,
    encoder=STACK,
    questions={"colour": QuestionConfig(labels=("red", "blue"), answered_by="features")},
)
RECIPE = Recipe()
STREAMS = TwoStreamsConfig(video=STACK, fusion=STACK, decoder=STACK)


def two_streams(monkeypatch: pytest.MonkeyPatch) -> dict[str, StageSpec]:
    """The stages of a model with two streams, whatever families there are."""
    specs = (backbone(CONFIG, RECIPE), *two_stream_stages(CONFIG, STREAMS))
    monkeypatch.setattr(stage_links, "stage_specs", lambda config, recipe: specs)
    return {spec.name: spec for spec in specs}


def example(tensor: TensorSpec, sizes: dict[str, int]) -> np.ndarray:
    shape = tensor.shape_with(sizes)
    return np.ones(shape, tensor.dtype) if len(shape) == 1 else np.arange(np.prod(shape)).reshape(shape)


def test_the_joint_encoder_feeds_its_heads() -> None:
    links = {(link.stage, link.name): link for link in stage_links.stage_links(CONFIG, RECIPE)}
    assert links["colour_head", "features"].needs == ("backbone.features",)
    states = np.arange(24).reshape(2, 3, 4)
    spec = stage_specs(CONFIG, RECIPE)[-1]
    assert links["text_head", "states"].make(spec, states).shape == (2, 3, 4)
    assert links["alignment_head", "states"].make(spec, states).tolist() == states[:, 0].tolist()
    assert ("encoder", "segments") not in links
    headless = stage_links.stage_links(replace(CONFIG, heads=("text",), questions={}), RECIPE)
    assert [link.stage for link in headless] == ["text_head"]


def test_one_segment_needs_not_be_told() -> None:
    config = replace(CONFIG, encoder=replace(STACK, segments=1))
    (link,) = (link for link in stage_links.stage_links(config, RECIPE) if link.name == "segments")
    assert link.make(stage_specs(config, RECIPE)[2], np.ones((2, 3), int)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_a_run_of_two_streams_needs_no_more_than_text_and_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every input but the first ones follows, with the shapes that its stage takes."""
    specs = two_streams(monkeypatch)
    links: dict[tuple[str, str], list[Link]] = {}
    for link in stage_links.stage_links(CONFIG, RECIPE):
        links.setdefault((link.stage, link.name), []).append(link)
    known: dict[str, np.ndarray] = {
        "text_encoder.ids": np.ones((1, 4), np.int64),
        "text_encoder.lengths": np.array([3]),
        "backbone.clips": np.zeros((2, *specs["backbone"].inputs[0].shape[1:]), np.uint8),
        "decoder.ids": np.ones((1, 3), np.int64),
    }
    for spec in specs.values():
        for tensor in spec.inputs:
            name = f"{spec.name}.{tensor.name}"
            for link in links.get((spec.name, tensor.name), []):
                if name not in known and all(need in known for need in link.needs):
                    known[name] = link.make(spec, *(known[need] for need in link.needs))
        # Those of `past` come from the ids, before the memory does.
        inputs = {tensor.name: known[f"{spec.name}.{tensor.name}"] for tensor in spec.inputs}
        sizes = {"count": 6}
        if all(tensor.axes[0].name == "batch" for tensor in spec.inputs):
            sizes = spec.lengths_of(inputs)
        for tensor in spec.outputs:
            known[f"{spec.name}.{tensor.name}"] = example(tensor, sizes).astype(tensor.dtype)
    assert known["cross_encoder.video_lengths"].tolist() == [2]
    assert known["text_head.states"].shape == (1, 4, 8)
    assert known["visual_head.states"].shape == (1, 2, 8)
    assert known["decoder.memory_mask"].tolist() == [[1, 1, 1, 0, 1, 1]]
    assert known["decoder.past_lengths"].tolist() == [0]
    assert known["decoder.past_keys"].shape == (1, 2, 1, 8)
