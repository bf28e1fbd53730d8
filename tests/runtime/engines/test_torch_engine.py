"""The torch engine: the modules' own values, from a folder without graphs."""

from __future__ import annotations

import copy
import dataclasses
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conse_folder import write_conse_folder
from torch import nn

from videobert.base.errors import EngineUnavailable, InputError, MismatchError, ModelError
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.torch_engine import TorchEngine
from videobert.model.folder import ModelFolder
from videobert.model.recipe import Recipe
from videobert_modeling.export import write_manifest
from videobert_modeling.models import S3D, VideoBert, load_weights, save_weights, tiny
from videobert_modeling.models.stage_modules import stages_of

CONFIG = dataclasses.replace(tiny(), heads=("text", "alignment"))
RECIPE = Recipe(frames=16, short_side=40, crop=32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("model")
    (root / "config.json").write_text(json.dumps(CONFIG.to_json()))
    (root / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    torch.manual_seed(0)
    backbone = S3D(CONFIG.backbone.width, CONFIG.backbone.feature_dim)
    save_weights(VideoBert(CONFIG), backbone, root / "model.safetensors")
    write_manifest(root)
    return root


@pytest.fixture(scope="module")
def engine(folder: Path) -> TorchEngine:
    return TorchEngine(ModelFolder(folder), "cpu", EngineOptions())


def _clip(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=(1, 16, 32, 32, 3), dtype=np.uint8)


def _sequence() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "ids": rng.integers(CONFIG.vocabulary, size=(2, 9)),
        "segments": rng.integers(2, size=(2, 9)),
        "lengths": np.array([9, 4]),
    }


def test_it_is_an_engine(engine: TorchEngine):
    assert isinstance(engine, Engine)
    assert (engine.name, engine.device, engine.precision, engine.fallback) == ("torch", "CPU", "fp32", None)
    engine.prepare()


def test_features_are_those_of_the_backbone_on_normalised_pixels(engine: TorchEngine, folder: Path):
    backbone, _ = load_weights(folder)
    pixels = (_clip().astype(np.float64) / 255 - RECIPE.mean) / RECIPE.std
    with torch.inference_mode():
        expected = backbone.double()(torch.from_numpy(pixels).permute(0, 4, 1, 2, 3)).numpy()
    features = engine.run("backbone", clips=_clip())
    assert features.dtype == np.float32
    assert np.abs(features - expected).max() <= 1e-5 * np.abs(expected).max()


def test_states_and_heads_are_those_of_the_model(engine: TorchEngine, folder: Path):
    _, model = load_weights(folder)
    inputs = _sequence()
    with torch.inference_mode():
        expected = model.encode(**{name: torch.from_numpy(array) for name, array in inputs.items()})
        words, aligned = model.text_logits(expected[:, 1]), model.alignment_logits(expected[:, 0])
    states = engine.run("encoder", **inputs)
    for row, length in enumerate(inputs["lengths"]):
        assert np.abs(states[row, :length] - expected[row, :length].numpy()).max() <= 1e-5
        assert not states[row, length:].any()
    states = expected.numpy()
    assert np.array_equal(engine.run("text_head", states=states[:, 1]), words.numpy())
    log_odds = engine.run("alignment_head", states=states[:, 0])
    assert np.allclose(log_odds, (aligned[:, 0] - aligned[:, 1]).numpy(), atol=1e-7)
    assert log_odds.shape == (2,)


@pytest.mark.filterwarnings("error")
def test_read_only_and_strided_inputs_are_taken(engine: TorchEngine):
    clip = _clip()
    clip.setflags(write=False)
    mirrored = np.ascontiguousarray(clip[:, :, :, ::-1])
    assert np.array_equal(engine.run("backbone", clips=clip[:, :, :, ::-1]), engine.run("backbone", clips=mirrored))


def test_threads_get_what_a_single_caller_gets(engine: TorchEngine):
    alone = [engine.run("backbone", clips=_clip(i)) for i in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: engine.run("backbone", clips=_clip(i % 4)), range(16)))
    assert all(np.array_equal(features, alone[i % 4]) for i, features in enumerate(together))


def test_features_in_bf16_err_at_most_twice_as_plain_torch_does_and_it_is_said(folder: Path, engine: TorchEngine):
    half = TorchEngine(ModelFolder(folder), "cpu", EngineOptions(precision="bf16"))
    assert half.precision == "bf16"
    features = half.run("backbone", clips=_clip())
    assert features.dtype == np.float32
    assert not np.array_equal(features, engine.run("backbone", clips=_clip()))
    backbone, model = load_weights(folder)
    exact, plain = (
        _plain(stages_of(backbone, model, RECIPE)["backbone"], dtype, torch.from_numpy(_clip()))
        for dtype in (torch.float64, torch.bfloat16)
    )
    assert np.abs(features - exact).max() <= 2 * np.abs(plain - exact).max()


def test_states_in_bf16_err_at_most_twice_as_plain_torch_does(folder: Path, engine: TorchEngine):
    half = TorchEngine(ModelFolder(folder), "cpu", EngineOptions(precision="bf16"))
    states = half.run("encoder", **_sequence())
    assert states.dtype == np.float32
    assert not np.array_equal(states, engine.run("encoder", **_sequence()))
    backbone, model = load_weights(folder)
    inputs = [torch.from_numpy(array) for array in _sequence().values()]
    exact, plain = (
        _plain(stages_of(backbone, model, RECIPE)["encoder"], dtype, *inputs)
        for dtype in (torch.float64, torch.bfloat16)
    )
    inside = np.arange(9) < _sequence()["lengths"][:, None]
    assert np.abs(states - exact)[inside].max() <= 2 * np.abs(plain - exact)[inside].max()


def _plain(stage: nn.Module, dtype: torch.dtype, *inputs: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return copy.deepcopy(stage).to(dtype)(*inputs).double().numpy()


def test_what_stands_past_a_length_cannot_matter(engine: TorchEngine):
    inputs = _sequence()
    states = engine.run("encoder", **inputs)
    inputs["ids"][1, 4:] = inputs["segments"][1, 4:] = -(2**62)
    assert np.array_equal(engine.run("encoder", **inputs), states)


def test_heads_that_have_no_kernel_are_filled_up_and_it_is_said(tmp_path: Path):
    config = dataclasses.replace(CONFIG, encoder=dataclasses.replace(CONFIG.encoder, heads=4))
    torch.manual_seed(0)
    model = VideoBert(config).eval()
    (tmp_path / "config.json").write_text(json.dumps(config.to_json()))
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    save_weights(model, S3D(config.backbone.width, config.backbone.feature_dim), tmp_path / "model.safetensors")
    write_manifest(tmp_path)
    engine = TorchEngine(ModelFolder(tmp_path), "cpu", EngineOptions())
    assert (
        engine.fallback == "encoder: heads of 16 filled up with zeros to 32: only those of (32, 64, 128) have a kernel"
    )
    engine.prepare()
    with torch.inference_mode():
        expected = load_weights(tmp_path)[1].encode(*map(torch.from_numpy, _sequence().values())).numpy()
    states, inside = engine.run("encoder", **_sequence()), np.arange(9) < _sequence()["lengths"][:, None]
    assert np.abs(states - expected)[inside].max() <= 1e-5
    assert not states[~inside].any()


def test_an_encoder_of_text_alone_is_packed_too(tmp_path: Path):
    write_conse_folder(tmp_path)
    write_manifest(tmp_path)
    engine = TorchEngine(ModelFolder(tmp_path), "cpu", EngineOptions())
    assert engine.fallback is None
    sequence = {"ids": np.random.default_rng(0).integers(21, size=(2, 9)), "lengths": np.array([9, 4])}
    _, model = load_weights(tmp_path)
    with torch.inference_mode():
        expected = model.text_encoder(*map(torch.from_numpy, sequence.values())).numpy()
    states, inside = engine.run("text_encoder", **sequence), np.arange(9) < sequence["lengths"][:, None]
    assert np.abs(states - expected)[inside].max() <= 1e-5
    assert not states[~inside].any()


def test_a_stage_that_the_model_lacks_is_a_model_error(engine: TorchEngine):
    with pytest.raises(ModelError, match="no visual_head"):
        engine.run("visual_head", states=np.zeros((1, 64), np.float32))


def test_a_closed_engine_says_so(folder: Path):
    engine = TorchEngine(ModelFolder(folder), "cpu", EngineOptions())
    engine.close()
    with pytest.raises(InputError, match="closed"):
        engine.run("backbone", clips=_clip())


def test_weights_that_the_manifest_does_not_describe_are_refused(folder: Path, tmp_path: Path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / "model.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(damaged)
    with pytest.raises(MismatchError, match=r"model\.safetensors"):
        TorchEngine(ModelFolder(tmp_path), "cpu", EngineOptions())


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a CUDA device")
def test_cuda_without_a_device_names_what_to_do(folder: Path):
    with pytest.raises(EngineUnavailable, match='device="cpu"'):
        TorchEngine(ModelFolder(folder), "cuda", EngineOptions())


def test_without_torch_it_names_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EngineUnavailable, match=r"videobert\[build\]"):
        TorchEngine(ModelFolder(folder), "cpu", EngineOptions())
