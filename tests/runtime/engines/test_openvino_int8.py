"""Stages on 8-bit values: as near as their ranges say, never in fp32, and only where the processor sums exactly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.vnni import needs_vnni

from videobert.base.errors import ModelError
from videobert.base.limits import Limits
from videobert.engines import openvino_engine
from videobert.engines.base import EngineOptions, RunsInt8
from videobert.engines.openvino_engine import OpenVinoEngine, cpu_features
from videobert.engines.openvino_int8 import products_of, quantise_products, weight_of
from videobert.engines.openvino_ranges import observe, observed_ranges
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.int8_file import Int8Model
from videobert.model.int8_ranges import Int8Ranges, int8_ranges
from videobert.model.known_int8 import KNOWN_INT8, known_int8
from videobert.results.as_json import to_json
from videobert.runtime import Runtime

ov = pytest.importorskip("openvino")
opset = ov.opset13


@pytest.fixture(scope="module")
def folder(model_folder: Path) -> ModelFolder:
    return ModelFolder(model_folder)


def clips(seed: int, count: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 1, 15, 48, 48, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def ranges(folder: ModelFolder) -> Int8Ranges:
    return observed_ranges(folder, "backbone", clips(0))


def opened(
    folder: ModelFolder, cache_dir: Path, known: Mapping[str, Int8Ranges], monkeypatch: pytest.MonkeyPatch, **asked: Any
) -> OpenVinoEngine:
    monkeypatch.setattr(openvino_engine, "known_int8", lambda _: dict(known))
    return OpenVinoEngine(folder, EngineOptions(cache_dir=cache_dir, **asked))


def kinds(engine: OpenVinoEngine, stage: str) -> list[str]:
    """The types that its convolutions run in."""
    graph = engine._stage(stage)._compiled.get_runtime_model()
    said = [node.get_rt_info() for node in graph.get_ops()]
    return [str(each["runtimePrecision"].value) for each in said if each["layerType"].value == "Convolution"]


@needs_vnni
def test_a_stage_with_ranges_runs_on_bytes_and_stays_near(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = opened(folder, cache_dir, {"backbone": ranges}, monkeypatch)
    true = opened(folder, cache_dir, {}, monkeypatch, precision="fp32")
    assert isinstance(small, RunsInt8)
    assert small.int8_stages == ("backbone",)
    assert set(kinds(small, "backbone")) <= {"u8", "i8"}
    assert not set(kinds(true, "backbone")) & {"u8", "i8"}
    for clip in clips(1):
        found, wanted = small.run("backbone", clips=clip), true.run("backbone", clips=clip)
        error = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
        assert 1e-4 < error < 0.2


@needs_vnni
def test_what_is_not_named_keeps_its_precision(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = Int8Ranges(graph=ranges.graph, tops=dict(list(ranges.tops.items())[:2]))
    engine = opened(folder, cache_dir, {"backbone": some}, monkeypatch)
    found = kinds(engine, "backbone")
    assert sum(kind in ("u8", "i8") for kind in found) == 2 < len(found)


@needs_vnni
def test_compiled_graphs_with_and_without_are_told_apart_in_the_cache(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = clips(1)[0]
    features = []
    for known in ({"backbone": ranges}, {}, {"backbone": ranges}):
        engine = opened(folder, cache_dir, known, monkeypatch)
        features.append(engine.run("backbone", clips=clip))
    assert (features[0] == features[2]).all()
    assert (features[0] != features[1]).any()


def test_fp32_and_processors_without_the_instructions_have_none(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(folder, cache_dir, {"backbone": ranges}, monkeypatch, precision="fp32").int8_stages == ()
    monkeypatch.setattr(openvino_engine, "cpu_features", lambda: {"avx2": True, "fma": True})
    assert opened(folder, cache_dir, {"backbone": ranges}, monkeypatch).int8_stages == ()


def test_auto_is_int8_for_a_model_that_is_known_to_be_as_right_so(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "int8_of_auto", lambda _: Int8Model(stages={"backbone": ranges}))
    monkeypatch.setattr(openvino_engine, "cpu_features", lambda: {"avx512_vnni": True, "avx512_bf16": True})
    found = {each: opened(folder, cache_dir, {}, monkeypatch, precision=each) for each in ("auto", "bf16", "fp32")}
    assert {each: (engine.precision, engine.int8_stages) for each, engine in found.items()} == {
        "auto": ("int8", ("backbone",)),
        "bf16": ("bf16", ()),
        "fp32": ("fp32", ()),
    }
    monkeypatch.setattr(openvino_engine, "cpu_features", lambda: {"avx2": True, "fma": True})
    assert opened(folder, cache_dir, {}, monkeypatch).precision == "fp32"


@pytest.mark.parametrize("name", ["avx_vnni", "avx512_vnni", "amx_int8"])
def test_each_kind_of_instructions_for_exact_sums_will_do(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(openvino_engine, "cpu_features", lambda: {"avx2": True, name: True})
    assert opened(folder, cache_dir, {"backbone": ranges}, monkeypatch).int8_stages == ("backbone",)


_FEATURES_IN_A_PROCESS = """
import sys
import numpy as np
from pathlib import Path
from videobert.engines.base import EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.int8_file import int8_model
folder = ModelFolder(Path(sys.argv[1]))
ranges = {} if sys.argv[3] == "plain" else int8_model(folder).stages
engine = OpenVinoEngine(folder, EngineOptions(cache_dir=Path(sys.argv[2]), precision="fp32"), int8=ranges)
clips = np.random.default_rng(0).integers(0, 256, (4, 1, 30, 112, 112, 3), dtype=np.uint8)
sys.stdout.buffer.write(np.concatenate([engine.run("backbone", clips=clip) for clip in clips]).tobytes())
"""


def features_under(instructions: str, cache: Path, way: str) -> np.ndarray:
    """Features of `shapes`, plain or with its backbone on 8-bit values, with no instructions beyond those."""
    command = [sys.executable, "-c", _FEATURES_IN_A_PROCESS, str(BUNDLED / "shapes"), str(cache), way]
    env = os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}
    return np.frombuffer(subprocess.run(command, env=env, check=True, capture_output=True).stdout, np.float32)


@pytest.mark.skipif(not cpu_features()["avx_vnni"], reason="the processor has no AVX-VNNI")
def test_sums_are_as_exact_with_avx_vnni_and_not_with_avx2_alone(tmp_path: Path) -> None:
    true = features_under("ALL", tmp_path / "true", "plain")
    error = {}
    for instructions in ("ALL", "AVX2_VNNI", "AVX2"):
        small = features_under(instructions, tmp_path / instructions, "int8")
        error[instructions] = np.linalg.norm(small - true) / np.linalg.norm(true)
    assert error["AVX2_VNNI"] == pytest.approx(error["ALL"], rel=0.05)
    assert error["AVX2"] > 1.2 * error["AVX2_VNNI"]


@needs_vnni
def test_an_answer_says_which_stages(
    folder: ModelFolder, cache_dir: Path, ranges: Int8Ranges, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Runtime(folder, opened(folder, cache_dir, {"backbone": ranges}, monkeypatch), Limits()) as model:
        assert model.origin.int8 == ("backbone",)
        assert to_json(model.origin)["int8"] == ["backbone"]
    with Runtime(folder, opened(folder, cache_dir, {}, monkeypatch), Limits()) as model:
        assert "int8" not in to_json(model.origin)


@needs_vnni
def test_ranges_of_another_graph_are_an_error(
    folder: ModelFolder, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened(folder, cache_dir, {"backbone": Int8Ranges(graph="0", tops={"no_such": 1.0})}, monkeypatch)
    with pytest.raises(ModelError, match="does not have"):
        engine.run("backbone", clips=clips(1)[0])


def texts(seed: int, count: int = 4) -> list[dict[str, np.ndarray]]:
    dice = np.random.default_rng(seed)
    ids = dice.integers(5, 20, (count, 1, 12))
    return [{"ids": each, "segments": np.zeros((1, 12), np.int64), "lengths": np.array([12])} for each in ids]


@needs_vnni
def test_scales_leave_results_where_they_were(
    folder: ModelFolder, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    observed = observe(folder, "encoder", texts(0))
    scaled = observed.ranges(smooth=0.5)
    assert set(scaled.scales) == set(scaled.tops) == set(observed.ranges().tops)
    assert scaled.tops != observed.ranges().tops
    true = opened(folder, cache_dir, {}, monkeypatch, precision="fp32")
    small = opened(folder, cache_dir, {"encoder": scaled}, monkeypatch)
    for given in texts(1):
        found, wanted = small.run("encoder", **given), true.run("encoder", **given)
        assert 1e-5 < np.linalg.norm(found - wanted) / np.linalg.norm(wanted) < 0.05


@needs_vnni
def test_scales_even_out_what_enters_a_matrix(folder: ModelFolder) -> None:
    observed = observe(folder, "encoder", texts(0))
    key, rows = next(iter(observed.rows.items()))
    columns = observed.seen[key].columns
    assert columns is not None
    name = next(name for name, each in observed.keys.items() if each == key)
    even = observed.ranges(smooth=1.0)
    assert even.scales[name] == pytest.approx(columns, rel=1e-4)
    assert abs(even.tops[name]) == pytest.approx(1.0, rel=1e-4)
    half = observed.ranges(smooth=0.5)
    assert half.scales[name] == pytest.approx(np.sqrt(columns / rows), rel=1e-4)


@needs_vnni
@pytest.mark.parametrize(
    ("stage", "change"),
    [
        ("backbone", {"shifts": (1.0, 2.0)}),
        ("backbone", {"scales": (1.0, 2.0, 1.0)}),
        ("encoder", {"scales": (1.0,)}),
        ("encoder", {"shifts": (1.0,)}),
    ],
)
def test_numbers_for_another_count_of_places_are_an_error(
    folder: ModelFolder, cache_dir: Path, monkeypatch: pytest.MonkeyPatch, stage: str, change: dict[str, Any]
) -> None:
    given = clips(0, 1) if stage == "backbone" else texts(0, 1)
    whole = observed_ranges(folder, stage, given)
    first = next(iter(whole.tops))
    lists = {what: {first: numbers} for what, numbers in change.items()}
    engine = opened(folder, cache_dir, {stage: replace(whole, **lists)}, monkeypatch)
    with pytest.raises(ModelError, match="another number of"):
        engine.run(stage, **(given[0] if isinstance(given[0], dict) else {"clips": given[0]}))


def test_known_ranges_belong_to_one_graph(folder: ModelFolder) -> None:
    assert known_int8(folder) == {}
    for known in KNOWN_INT8.values():
        assert all(int8_ranges(each.to_json()) == each for each in known)


def test_ranges_are_read_as_they_were_written(ranges: Int8Ranges) -> None:
    first = next(iter(ranges.tops))
    whole = replace(ranges, shifts={first: (0.5, -0.25)}, scales={first: (2.0,)})
    assert int8_ranges(json.loads(json.dumps(whole.to_json()))) == whole
    assert len({each.hash for each in (ranges, whole, replace(whole, scales={}), replace(whole, shifts={}))}) == 4
    assert set(ranges.to_json()) == {"format", "graph", "tops"}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"graph": 3},
        {"tops": {}},
        {"tops": []},
        {"tops": {"a": 0.0}},
        {"tops": {"a": float("nan")}},
        {"tops": {"a": float("-inf")}},
        {"tops": {"a": "1"}},
        {"tops": {"a": True}},
        {"tops": {str(number): 1.0 for number in range(10_001)}},
        {"shifts": []},
        {"shifts": {"node_conv3d": 1.0}},
        {"shifts": {"no_such": [1.0]}},
        {"shifts": {"node_conv3d": [float("nan")]}},
        {"shifts": {"node_conv3d": ["1"]}},
        {"shifts": {"node_conv3d": [0.0] * 1_000_001}},
        {"scales": {"node_conv3d": [0.0]}},
        {"scales": {"node_conv3d": [-1.0]}},
        {"scales": {"node_conv3d": [float("inf")]}},
    ],
)
def test_damaged_ranges_are_refused(ranges: Int8Ranges, change: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match="ranges of an int8 stage"):
        int8_ranges(ranges.to_json() | change)


@pytest.mark.parametrize(
    ("values", "weight", "first_turned", "is_one"),
    [
        ([7, 8], (8, 5), False, True),
        ([3, 7, 8], (8, 5), False, True),
        ([3, 7, 8], (1, 8, 5), False, True),
        # OpenVINO multiplies these wrongly on 8 bits, or their scales would lie along another axis.
        ([3, 7, 8], (3, 8, 5), False, False),
        ([8, 8], (8, 5), True, False),
        ([8], (8, 5), False, False),
        ([7, 8], (8,), False, False),
    ],
    ids=str,
)
def test_rows_times_one_matrix_are_a_product(
    values: list[int], weight: tuple[int, ...], first_turned: bool, is_one: bool
) -> None:
    given = opset.parameter(values, np.float32)
    product = opset.matmul(given, opset.constant(np.ones(weight, np.float32)), first_turned, False)
    assert len(products_of(ov.Model([product], [given]))) == is_one


@pytest.mark.parametrize("kind", ["f32", "f16", "bf16", "f64", "i8", "i4", "u4"])
def test_a_weight_is_read_in_any_type(kind: str) -> None:
    given = opset.parameter([3, 4], np.float32)
    stored = opset.constant(np.array([[1, 2], [3, 4], [5, 6], [7, 7]], np.int8), getattr(ov.Type, kind))
    product = opset.matmul(given, opset.convert(stored, "f32"), False, False)
    (node,) = products_of(ov.Model([product], [given])).values()
    np.testing.assert_array_equal(weight_of(node), [[1, 2], [3, 4], [5, 6], [7, 7]])


@pytest.mark.parametrize("kind", ["i32", "boolean"])
def test_what_was_a_whole_number_on_the_way_is_no_weight(kind: str) -> None:
    given = opset.parameter([3, 4], np.float32)
    rounded = opset.convert(opset.constant(np.full((4, 2), 1.5, np.float32)), kind)
    product = opset.matmul(given, opset.convert(rounded, "f32"), False, False)
    assert not products_of(ov.Model([product], [given]))


def test_a_weight_in_a_shape_that_is_given_is_no_weight() -> None:
    given, shape = opset.parameter([3, 4], np.float32), opset.parameter([2], np.int64)
    weight = opset.reshape(opset.constant(np.ones(8, np.float32)), shape, False)
    product = opset.matmul(given, weight, False, False)
    assert not products_of(ov.Model([product], [given, shape]))


@pytest.mark.parametrize("turned", [False, True])
def test_each_output_of_a_matrix_has_its_own_scale(turned: bool) -> None:
    given = opset.parameter([3, 4], np.float32)
    weight = np.arange(1, 9, dtype=np.float32).reshape(4, 2) * np.float32([1, 100])
    stored = opset.constant(weight.T.copy() if turned else weight)
    product = opset.matmul(given, stored, False, turned)
    model = ov.Model([product], [given])
    ((name, node),) = products_of(model).items()
    quantise_products({name: node}, Int8Ranges(graph="0" * 64, tops={name: 1.0}, shifts={}, scales={}), "a graph")
    quantised = node.input_value(1).get_node()
    top = quantised.input_value(2).get_node().get_data()
    np.testing.assert_array_equal(top, weight.max(axis=0).reshape((2, 1) if turned else (1, 2)))


@pytest.mark.parametrize(("top", "low"), [(2.0, 0.0), (-2.0, -2.0 * 128 / 127)])
def test_values_are_quantised_with_a_sign_where_they_have_one(top: float, low: float) -> None:
    given = opset.parameter([3, 4], np.float32)
    product = opset.matmul(given, opset.constant(np.ones((4, 2), np.float32)), False, False)
    model = ov.Model([product], [given])
    ((name, node),) = products_of(model).items()
    quantise_products({name: node}, Int8Ranges(graph="0" * 64, tops={name: top}, shifts={}, scales={}), "a graph")
    bounds = [float(node.input_value(0).get_node().input_value(place).get_node().get_data()) for place in (1, 2, 3, 4)]
    assert bounds == pytest.approx([low, 2.0, low, 2.0])
