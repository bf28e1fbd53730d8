"""Errors of products on 8-bit values, and the shifts that take their means away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.vnni import needs_vnni

from videobert.base.openvino_core import openvino_core
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.openvino_int8 import products_of, quantise
from videobert.engines.openvino_int8_error import bias_corrected, product_errors
from videobert.engines.openvino_ranges import observed_ranges
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges


@pytest.fixture(scope="module")
def folder(model_folder: Path) -> ModelFolder:
    return ModelFolder(model_folder)


def clips(seed: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 15, 48, 48, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def narrow(folder: ModelFolder) -> Int8Ranges:
    """Ranges half as wide as what enters: they cut the largest values off, which moves the mean."""
    ranges = observed_ranges(folder, "backbone", clips(0))
    return replace(ranges, tops={name: top / 2 for name, top in ranges.tops.items()})


def outputs_of(folder: ModelFolder, ranges: Int8Ranges | None, product: str, clip: np.ndarray) -> np.ndarray:
    """What one product gives, float32 `(1, outputs, …)`."""
    core = openvino_core()
    model = core.read_model(folder.read("graphs/backbone.onnx"))
    node = products_of(model)[product]
    if ranges is not None:
        quantise(model, ranges, "backbone")
    model.add_outputs(node.output(0))
    return np.array(core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([clip])[1])


@needs_vnni
@pytest.mark.parametrize("number", [0, 3])
def test_an_error_is_that_of_the_product_alone(folder: ModelFolder, narrow: Int8Ranges, number: int) -> None:
    name = list(narrow.tops)[number]
    found = product_errors(folder, "backbone", narrow, clips(1))[name]
    # With no other product on bytes, what enters this one is what enters it in fp32.
    alone = Int8Ranges(graph=narrow.graph, tops={name: narrow.tops[name]})
    true, small = (np.stack([outputs_of(folder, ranges, name, clip) for clip in clips(1)]) for ranges in (None, alone))
    shift = (true - small).mean(axis=(0, 1, 3, 4, 5))
    assert np.abs(shift).max() > 1e-3
    assert found.shift == pytest.approx(shift, abs=2e-4)
    assert found.share == pytest.approx(((true - small) ** 2).sum() / (true**2).sum(), rel=0.02)


@needs_vnni
def test_shifts_bring_features_nearer(folder: ModelFolder, narrow: Int8Ranges) -> None:
    shifted = bias_corrected(folder, "backbone", narrow, clips(0))
    assert shifted.tops == narrow.tops
    assert set(shifted.shifts) == set(narrow.tops)

    def features(ranges: Int8Ranges | None) -> np.ndarray:
        given = {} if ranges is None else {"backbone": ranges}
        engine = OpenVinoEngine(folder, EngineOptions(precision="fp32"), given)
        return np.concatenate([engine.run("backbone", clips=clip) for clip in clips(1)])

    true = features(None)
    without, corrected = (np.linalg.norm(features(each) - true) for each in (narrow, shifted))
    assert corrected < 0.7 * without


@needs_vnni
def test_ranges_that_fit_have_small_errors(folder: ModelFolder, narrow: Int8Ranges) -> None:
    fitting = replace(narrow, tops={name: 2 * top for name, top in narrow.tops.items()})
    errors = product_errors(folder, "backbone", fitting, clips(0))
    cut = product_errors(folder, "backbone", narrow, clips(0))
    assert all(0 < error.share < 2e-3 for error in errors.values())
    assert sum(cut[name].share > errors[name].share for name in errors) > 0.9 * len(errors)
