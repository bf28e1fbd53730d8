"""The CPU benchmarks at a tiny size: they measure, say where, and write no speed beside a wrong answer."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import videobert
from videobert.model.folder import BUNDLED, ModelFolder
from videobert_modeling.models import tiny

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports a benchmark as `python benchmarks/NAME.py` would."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"benchmark_{name}", BENCHMARKS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def nearest(load: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("cpu_nearest")
    for name, value in {"LEAVES": 144, "DIM": 16, "PAIRS": {1: 2, 8: 2}, "CHECKED": 8}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_nearest_centroid_is_compared_with_every_rival(nearest: ModuleType) -> None:
    results = nearest.measure()
    assert {"date", "cpu", "cpu_features", "cores", "load", "python", "kernels", "torch"} <= set(results["environment"])
    for data in ("clustered", "noise", "gaussian"):
        assert results[data]["labels_equal_float64"]
        for rows in ("n1", "n8"):
            timed = results[data][rows]
            assert timed["ours_ms"] > 0
            assert timed["alone_ms"] == sorted(timed["alone_ms"])
            assert len(timed["others"]) == 9
            for rival in timed["others"].values():
                assert rival["median_ms"] > 0
                assert rival["ratio"] == sorted(rival["ratio"])


def test_nearest_centroid_with_a_wrong_label_has_no_speed(nearest: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "brute_force", lambda points, centroids: np.full(len(points), -1))
    for data in ("clustered", "noise", "gaussian"):
        assert set(nearest.measure()[data]) == {"leaves", "labels_equal_float64"}


@pytest.fixture
def transform(load: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("cpu_transform")
    for name, value in {"PAIRS": 3, "POOL": 2, "CASES": [((96, 64), 32, "yuv420p")]}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_the_transform_is_compared_with_swscale_on_every_path(transform: ModuleType) -> None:
    (case,) = transform.measure()["cases"]
    assert "scalar" in case["paths"]
    for timed in case["paths"].values():
        assert timed["psnr_db"] >= transform.FLOOR_DB
        assert set(timed) == {"psnr_db", *transform.RIVALS}


def test_a_transform_below_its_floor_has_no_speed(transform: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = transform.reference()
    monkeypatch.setattr(truth, "psnr", lambda ours, wanted: 47.9)
    monkeypatch.setattr(transform, "reference", lambda: truth)
    (case,) = transform.measure()["cases"]
    assert all(set(timed) == {"psnr_db"} for timed in case["paths"].values())


def test_the_bundled_model_with_other_answers_than_in_float32_has_no_speed(
    load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = load("bundled_speed")
    said = iter([["one answer"], ["another"]])
    monkeypatch.setattr(module, "answers", lambda report: next(said))
    assert set(module.measure()) == {"environment", "clip_s", "parity"}


@pytest.fixture
def sizes(load: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("published_sizes")
    recipe = videobert.Recipe(fps=4, frames=14, short_side=40, crop=32)
    for name, value in {"SIZES": (tiny(),), "RECIPE": recipe, "FRESH_LOADS": 2, "RUNS": 2}.items():
        monkeypatch.setattr(module, name, value)
    return module


def test_a_model_of_a_published_size_is_built_loaded_and_asked(sizes: ModuleType) -> None:
    results = sizes.measure()
    row = results["tiny"]
    assert row["parity"]["holds"]
    assert row["parameters_millions"] == 0.2
    for name in ("load", "first_answer", "later_answer"):
        assert 0 < row[name]["q1_s"] <= row[name]["median_s"] <= row[name]["q3_s"]
    for name in ("build_s", "build_peak_gib", "load_without_cache_s", "run_peak_gib"):
        assert row[name] > 0


def test_a_size_whose_states_are_wrong_has_no_speed(sizes: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def built(*command: str) -> tuple[str, float, float]:
        assert command[2] == "build", "something was timed"
        (Path(command[3]) / "graphs").mkdir()
        return "", 1.0, 1.0

    monkeypatch.setattr(sizes, "timed", built)
    monkeypatch.setattr(sizes, "parity_with_f32", lambda folder, cache: {"holds": False})
    assert not [name for name in sizes.measure()["tiny"] if "load" in name or "answer" in name]


@pytest.fixture
def attention(load: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = load("encoder_attention")
    monkeypatch.setattr(module, "TURN_S", 0.001)
    monkeypatch.setattr(module, "ROUNDS", 3)
    return module


def test_attention_with_fewer_kernels_is_held_against_the_graph_as_given(attention: ModuleType) -> None:
    found = attention.measured(ModelFolder("shapes"), "encoder", [(1, 4), (3, 5)], "fp32")
    assert list(found) == ["1x4", "3x5"]
    for row in found.values():
        assert row["errors_share"]["fewer"] < 2e-6
        assert min(row["given_ms"], row["fewer_ms"], row["given_fixed_ms"]) > 0
        assert min(row["ratio_to_given"], row["ratio_to_given_fixed"]) > 0


def test_attention_with_other_states_has_no_speed(attention: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    errors = iter([0.0, 1.0, 0.0])  # of the graph as given, of that with fewer kernels, of that for calls of one size
    monkeypatch.setattr(attention, "_error", lambda states, true: next(errors))
    found = attention.measured(ModelFolder("shapes"), "encoder", [(3, 5)], "fp32")
    assert found == {"3x5": {"errors_share": {"given": 0.0, "fewer": 1.0, "given_fixed": 0.0}}}


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_threads_are_split_in_several_ways(load: Any, cores: int) -> None:
    named = load("thread_split").splits(cores)
    assert next(iter(named.values())) == (cores, cores)
    assert len(set(named.values())) == len(named)
    assert all(1 <= engine <= cores and 1 <= decoder <= cores for engine, decoder in named.values())
    assert cores == 1 or any(engine + decoder == cores for engine, decoder in named.values())


def test_a_film_is_answered_with_each_split(load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load("thread_split")
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "processors", lambda: 2)
    told = module.measured("shapes", "tokens", BUNDLED / "shapes" / "clip.mp4", tmp_path)
    assert list(told["splits"]) == ["2 + 2", "1 + 1", "1 + 2", "2 + 1", module.NOT_PINNED]
    assert told["splits"]["2 + 2"]["ratio"] == 1
    assert all(split["whole_s"] > 0 for split in told["splits"].values())
