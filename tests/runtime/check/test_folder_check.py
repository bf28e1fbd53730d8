"""A folder on named arrays and on seeded ones: what is answered, what two engines differ by, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.errors import InputError, ModelError, UsageError
from videobert.check import agreement, check_folder
from videobert.check.array_file import write_arrays
from videobert.results.as_json import to_json

SENTENCE: dict[str, Any] = {
    "ids": np.array([[2, 8, 9, 3], [2, 9, 3, 0]], np.int32),
    "segments": np.zeros((2, 4), np.bool_),
    "mask": np.array([[1, 1, 1, 1], [1, 1, 1, 0]]),
}


def test_given_arrays_run_on_one_engine(model_folder: Path, cache_dir: Path, tmp_path: Path) -> None:
    write_arrays(tmp_path / "in.npz", SENTENCE)
    checked = check_folder(model_folder, tmp_path / "in.npz", engine="openvino", cache_dir=cache_dir)
    again = check_folder(str(model_folder), SENTENCE, engine="openvino", cache_dir=cache_dir)
    assert (checked.seed, checked.agree, checked.differences) == (None, None, ())
    assert [used.precision for used in checked.engines] == ["fp32"]
    assert [stage.name for stage in checked.stages if not stage.ran] == ["backbone", "nearest"]
    assert checked.arrays["encoder.states"].shape[:2] == (2, 4)
    assert not checked.arrays["encoder.states"][1, 3].any()
    assert checked.arrays["text_head.logits"].shape[:2] == (2, 4)
    assert checked.arrays["alignment_head.logits"].shape == (2,)
    for name, array in checked.arrays.items():
        assert np.array_equal(array, again.arrays[name])
    (facts,) = next(stage.outputs for stage in checked.stages if stage.name == "encoder")
    states = checked.arrays["encoder.states"]
    assert (facts.name, facts.shape, facts.most) == ("encoder.states", states.shape, float(states.max()))
    assert facts.norm == pytest.approx(float(np.sqrt((states.astype(np.float64) ** 2).sum())))
    assert "arrays" not in to_json(checked)


def test_an_item_does_not_depend_on_those_beside_it(model_folder: Path, cache_dir: Path) -> None:
    alone = {name: array[1:, :3] for name, array in SENTENCE.items()}
    both = check_folder(model_folder, SENTENCE, engine="openvino", stage="alignment_head", cache_dir=cache_dir)
    one = check_folder(model_folder, alone, engine="openvino", stage="alignment_head", cache_dir=cache_dir)
    assert [stage.name for stage in both.stages] == ["encoder", "alignment_head"]
    assert np.allclose(both.arrays["encoder.states"][1, :3], one.arrays["encoder.states"][0], atol=1e-5)


def test_two_engines_agree_on_seeded_arrays(model_folder: Path, cache_dir: Path) -> None:
    pytest.importorskip("torch")
    checked = check_folder(model_folder, seed=3, cache_dir=cache_dir)
    assert [used.engine for used in checked.engines] == ["torch", "openvino"]
    assert checked.agree is True
    outputs = [each.name for stage in checked.stages for each in stage.outputs]
    assert [each.name for each in checked.differences] == outputs
    for each in checked.differences:
        assert each.allowed == (1e-4 if each.name.endswith(".logits") else 1e-5)
        assert 0 <= each.relative <= each.max_abs
        assert checked.arrays[each.name].shape == checked.arrays[f"openvino/{each.name}"].shape
    # What was made can be given, and comes to the same.
    again = check_folder(model_folder, checked.arrays, engine="torch", cache_dir=cache_dir)
    assert all(np.array_equal(again.arrays[name], checked.arrays[name]) for name in outputs)


def test_engines_that_differ_do_not_agree(model_folder: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    monkeypatch.setattr(agreement, "LOGITS_WITHIN", -1.0)
    checked = check_folder(model_folder, stage="text_head", cache_dir=cache_dir)
    assert checked.agree is False
    assert [each.agrees for each in checked.differences] == [False]


def test_the_backbone_takes_pixels_of_any_size_on_torch(model_folder: Path, cache_dir: Path) -> None:
    pytest.importorskip("torch")
    from videobert.model.recipe import Recipe

    clips = np.random.default_rng(1).integers(0, 256, (2, 15, 48, 48, 3), np.uint8)
    recipe = Recipe()
    pixels = ((clips / 255 - np.array(recipe.mean)) / np.array(recipe.std)).transpose(0, 4, 1, 2, 3)
    as_bytes = check_folder(model_folder, {"clips": clips}, engine="torch", stage="backbone", cache_dir=cache_dir)
    checked = check_folder(model_folder, {"pixels": pixels}, engine="torch", stage="backbone", cache_dir=cache_dir)
    features = checked.arrays["backbone.features"]
    assert np.allclose(features, as_bytes.arrays["backbone.features"], atol=1e-5)
    (stage,) = checked.stages
    assert "already normalised, so the recipe's normalisation was left out; 15 x 48 x 48, as the recipe" in stage.path
    both = check_folder(model_folder, {"pixels": pixels}, stage="backbone", cache_dir=cache_dir)
    assert np.array_equal(both.arrays["backbone.features"], features)
    assert (both.agree, both.notes) == (
        None,
        ("backbone was not run on openvino: pixels go into the torch engine alone",),
    )
    larger = np.pad(pixels, ((0, 0), (0, 0), (0, 3), (0, 10), (0, 10)))
    (stage,) = check_folder(model_folder, {"pixels": larger}, engine="torch", cache_dir=cache_dir).stages[:1]
    assert stage.path.endswith("18 x 58 x 58, not the recipe's 15 x 48 x 48")
    with pytest.raises(InputError, match="clip"):
        check_folder(model_folder, {"pixels": pixels[:, :, 0]}, engine="torch", cache_dir=cache_dir)


def test_what_is_asked_wrongly_is_refused(model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="engine is not known"):
        check_folder(model_folder, engine="auto")
    with pytest.raises(UsageError, match="seed is out of range"):
        check_folder(model_folder, seed=-1)
    with pytest.raises(ModelError, match=r"this model has no decoder; allowed: backbone.*Name a stage that it has"):
        check_folder(model_folder, engine="openvino", stage="decoder")
    with pytest.raises(InputError, match="there is no such file of arrays"):
        check_folder(model_folder, tmp_path / "none.npz", engine="openvino")
    for inputs in ({"ids": [[1]]}, {1: np.ones(1)}, {"ids": np.array([{}])}):
        with pytest.raises(InputError, match="inputs must be arrays by name"):
            check_folder(model_folder, inputs, engine="openvino")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="the encoder cannot be run"):
        check_folder(model_folder, {"ids": np.ones((1, 2), int)}, engine="openvino", stage="encoder")
