"""Seeded inputs are what the stages take, of every family and for any size of model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.small_conse import CONFIG, RECIPE

from videobert.check.ranges import Ranges
from videobert.check.seeded import seeded
from videobert.model.config import EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import stage_specs
from videobert.model.univl_stages import two_stream_stages

JOINT = ModelConfig(name="tiny", words=11, visual_tokens=5, encoder=EncoderConfig(layers=1, width=8, heads=2))
SHORT = replace(JOINT, encoder=replace(JOINT.encoder, positions=2, segments=1))
STREAMS = TwoStreamsConfig(video=JOINT.encoder, fusion=JOINT.encoder, decoder=JOINT.encoder)
SPECS = {
    "videobert": (JOINT, stage_specs(JOINT, RECIPE)),
    "short": (SHORT, stage_specs(SHORT, RECIPE)),
    "conse": (CONFIG, stage_specs(CONFIG, RECIPE)),
    "two streams": (JOINT, two_stream_stages(JOINT, STREAMS)),
}


def inputs_of(spec: StageSpec, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {tensor.name: arrays[f"{spec.name}.{tensor.name}"] for tensor in spec.inputs}


@pytest.mark.parametrize("name", SPECS)
def test_they_fit_every_stage(name: str) -> None:
    config, specs = SPECS[name]
    ranges = Ranges(config)
    specs = tuple(spec for spec in specs if not spec.gpu_only)
    arrays = seeded(specs, ranges, 5)
    for spec in specs:
        inputs = inputs_of(spec, arrays)
        ranges.check(spec, inputs, spec.lengths_of(inputs))
        for axis in spec.free_axes:
            assert spec.lengths_of(inputs)[axis.name] <= (axis.longest or 100)
        if spec.lengths is not None:
            assert inputs[spec.lengths].max() == spec.lengths_of(inputs)["length"]
            assert inputs[spec.lengths].min() >= 1


def test_a_stage_has_the_same_ones_beside_any_others() -> None:
    config, specs = SPECS["videobert"]
    ranges = Ranges(config)
    encoder = next(spec for spec in specs if spec.attentions)
    alone, again, other = (seeded([encoder], ranges, seed) for seed in (1, 1, 2))
    among = seeded(specs, ranges, 1)
    for name, array in alone.items():
        assert np.array_equal(array, among[name])
        assert np.array_equal(array, again[name])
    assert any(not np.array_equal(array, other[name]) for name, array in alone.items())
