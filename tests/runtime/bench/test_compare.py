"""Two models on one video: a planted fault is found and named, and a wrong answer has no speed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.runtime.bench.planted import plant
from tests.small_model import frames_of, mp4

import videobert
from videobert.base.errors import InputError, MismatchError, UsageError
from videobert.base.native import native_core
from videobert.bench import compare as compare_module
from videobert.bench.keep_layers import LEFT, kept_file
from videobert.model.folder import ModelFolder
from videobert.model.kept_layers import kept_layers

_FEATURES = native_core().cpu_features()
needs_bf16 = pytest.mark.skipif(
    not (_FEATURES.get("amx_bf16") or _FEATURES.get("avx512_bf16")), reason="this CPU has no bf16 arithmetic"
)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compared") / "film.mp4"
    path.write_bytes(mp4(frames_of(7.5, seed=4)))
    return path


@pytest.fixture
def never_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def timed(*given: Any) -> None:
        raise AssertionError("a wrong answer was timed")

    monkeypatch.setattr(compare_module, "time_pairs", timed)


def compared(a: Path, b: Path, video: Path, cache: Path, words: str = "fp32", **asked: Any) -> videobert.Comparison:
    return videobert.compare(f"{a}:{words}", f"{b}:{words}", video, cache_dir=cache, **{"speed": False, **asked})


def test_a_model_is_what_it_is(model_folder: Path, cache_dir: Path, video: Path) -> None:
    found = compared(model_folder, model_folder, video, cache_dir, speed=True, runs=5)
    assert found.parity
    assert {stage.relative for stage in found.stages} == {0.0}
    assert {stage.name for stage in found.stages} >= {"backbone", "encoder", "text_head"}
    assert (found.first_stage, found.first_layer, found.layers) == (None, None, ())
    assert found.tokens is not None
    assert (found.tokens.share, found.tokens.count) == (1.0, 5)
    assert found.tokens.low < 1.0
    assert found.answers is not None
    assert found.speed is not None
    assert found.speed.low <= found.speed.ratio <= found.speed.high
    assert found.speed.verdict in ("no difference", "too noisy to say")
    assert found.noise is not None


def test_only_what_the_video_gave_is_counted(model_folder: Path, cache_dir: Path, video: Path, tmp_path: Path) -> None:
    found = compared(model_folder, model_folder, video, cache_dir)
    assert found.tokens is not None
    assert found.top5 is not None
    assert (found.tokens.count, found.top5.count, found.top5.of) == (5, 5, "clips")
    (note,) = found.notes
    assert "made-up inputs" in note
    assert "alignment_head" in note
    assert "backbone" not in note
    with videobert.load(model_folder, precision="fp32", cache_dir=cache_dir) as model:
        model.tokens(video).save(tmp_path / "film.vbt")
    saved = compared(model_folder, model_folder, tmp_path / "film.vbt", cache_dir)
    # No clip went through the backbone.
    assert saved.top5 is None or saved.top5.of == "segments"
    assert "backbone" in saved.notes[0]


@pytest.mark.parametrize("which", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("stage", ["backbone", "encoder"])
@pytest.mark.usefixtures("never_timed")
def test_a_planted_fault_is_found_and_named(
    stage: str, which: float, model_folder: Path, cache_dir: Path, video: Path, tmp_path: Path
) -> None:
    node = plant(model_folder, tmp_path / "planted", stage, which=which)
    found = compared(model_folder, tmp_path / "planted", video, cache_dir, speed=True)
    assert found.first_stage == stage
    assert found.first_layer == node
    assert found.parity is False
    assert found.speed is None
    assert any("no speed" in note for note in found.notes)
    # The other stages have inputs of A, so the fault does not spread over them.
    assert [each.name for each in found.stages if not each.agrees] == [stage]


@needs_bf16
@pytest.mark.usefixtures("never_timed")
def test_a_fault_is_found_beneath_low_precision(
    model_folder: Path, cache_dir: Path, video: Path, tmp_path: Path
) -> None:
    node = plant(model_folder, tmp_path / "planted", "backbone", by=50.0)
    found = videobert.compare(f"{model_folder}:fp32", f"{tmp_path / 'planted'}:bf16", video, cache_dir=cache_dir)
    assert (found.first_stage, found.first_layer) == ("backbone", node)


@needs_bf16
def test_plain_rounding_is_no_fault_and_the_layers_worth_keeping_are_few(
    model_folder: Path, cache_dir: Path, video: Path
) -> None:
    found = videobert.compare(
        f"{model_folder}:fp32", f"{model_folder}:bf16", video, cache_dir=cache_dir, speed=False, layers=True
    )
    assert found.first_stage is None
    backbone = next(stage for stage in found.stages if stage.name == "backbone")
    assert 0 < backbone.relative <= backbone.allowed < 0.2
    kept = {each.stage: each for each in found.keep}
    assert kept.keys() >= {"backbone", "encoder"}
    folder = ModelFolder(model_folder)
    for each in found.keep:
        assert 0 < each.error_kept <= LEFT * each.error
        # Without any rounding nothing would be left at all: fewer are enough.
        assert 0 < len(each.layers) < 60
    read = kept_layers(json.loads(json.dumps(kept_file(f"{model_folder}:fp32", found))))
    read.check(folder)
    assert read.of("backbone") == set(kept["backbone"].layers)
    assert all(name.encode() in folder.read("graphs/backbone.onnx") for name in read.of("backbone"))


def test_models_that_cut_other_clips_are_refused(model_folder: Path, video: Path, tmp_path: Path) -> None:
    import hashlib

    shutil.copytree(model_folder, tmp_path / "other")
    recipe = json.loads((tmp_path / "other" / "recipe.json").read_text())
    recipe["mean"] = [0.4, 0.4, 0.4]
    content = json.dumps(recipe).encode()
    (tmp_path / "other" / "recipe.json").write_bytes(content)
    manifest = json.loads((tmp_path / "other" / "manifest.json").read_text())
    manifest["files"]["recipe.json"] = hashlib.sha256(content).hexdigest()
    (tmp_path / "other" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(MismatchError):
        compared(model_folder, tmp_path / "other", video, tmp_path)


def test_what_cannot_be_compared_is_refused_before_anything_is_loaded(model_folder: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    saved.write_text("{}")
    for given, words in (
        ({"a": saved, "b": "shapes"}, "with another one alone"),
        ({"a": saved, "b": saved, "video": "x.mp4"}, "need no video"),
        ({"a": saved, "b": saved, "layers": True}, "have no layers"),
        ({"a": "shapes", "b": "shapes", "video": "x.mp4", "film": "64x48x2"}, "a film to be made"),
        ({"a": "shapes", "b": "shapes", "verb": "fly"}, "verb"),
        ({"a": "shapes", "b": "shapes", "runs": 1}, "runs"),
        ({"a": "shapes:fp31", "b": "shapes"}, "no side"),
    ):
        with pytest.raises(UsageError, match=words):
            videobert.compare(**given)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="no result"):
        videobert.compare(saved, saved)
    with pytest.raises(UsageError, match="no video given"):
        videobert.compare(model_folder, model_folder)


def test_layers_of_an_engine_without_a_graph_are_told_to_be_left_out() -> None:
    from types import SimpleNamespace

    from videobert.bench.layer_walk import why_not
    from videobert.bench.stage_differences import Opened
    from videobert.model.recipe import Recipe
    from videobert.model.stage_lists import stage_specs

    folder: Any = {"graphs/backbone.onnx": b""}
    spec = stage_specs(ModelFolder("shapes").config, Recipe())[0]
    torch, openvino = (Opened(folder, SimpleNamespace(name=name)) for name in ("torch", "openvino"))  # type: ignore[arg-type]
    assert why_not(spec, openvino, openvino) is None
    assert "torch shows whole stages only" in str(why_not(spec, openvino, torch))
    lacking = Opened({}, openvino.engine)  # type: ignore[arg-type]
    assert "has no graphs/backbone.onnx" in str(why_not(spec, openvino, lacking))


def test_a_value_that_is_not_finite_is_a_difference() -> None:
    from videobert.bench.tolerance import share_apart

    assert share_apart(np.array([1.0, 2.0]), np.array([1.0, np.nan])) == (float("inf"), float("inf"))
    # What A leaves at places that mean nothing.
    assert share_apart(np.array([-np.inf, 2.0]), np.array([5.0, 1.0])) == (1.0, 0.5)
    assert share_apart(np.zeros(2), np.zeros(2)) == (0.0, 0.0)
