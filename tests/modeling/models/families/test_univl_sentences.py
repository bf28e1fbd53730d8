"""The decoder of an imported UniVL through the engines: logits, sentences, and what TensorRT-RTX builds of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.modeling.importers.small_univl_checkpoint import HEADS, RECIPE, write_checkpoint
from tests.modeling.models.encoders.univl_decoder_float64 import PlainDecoder
from tests.runtime.pipeline.generate.plain_search import Task, beam, words_of

from videobert.engines.base import Engine, EngineOptions
from videobert.engines.checked_stages import CheckedStages
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.tensorrt.build.build_process import BuildLimits, run_build
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.engines.torch_engine import TorchEngine
from videobert.families.family import Told
from videobert.families.stage_decoder import StageDecoder
from videobert.model.folder import ModelFolder
from videobert.model.manifest import write_manifest
from videobert.model.stage_lists import stage_specs
from videobert.pipeline.generate.generate import best_sentences
from videobert.pipeline.generate.options import Search
from videobert_modeling.export.low_precision.engine_graphs import variants
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Reference, onnxruntime_outputs
from videobert_modeling.importers.univl import import_univl
from videobert_modeling.models import load_weights

State = dict[str, torch.Tensor]
STAGES = ("decoder_memory", "decoder")
BEGIN, END, BARRED = 5, 7, (0, 9)


@pytest.fixture(scope="module")
def folder(
    univl_state: State, whole_univl_state: State, narrow_s3d: Path, tmp_path_factory: pytest.TempPathFactory
) -> ModelFolder:
    """An imported UniVL with the graphs of its decoder alone, each held to the rule of parity as it is written."""
    place = tmp_path_factory.mktemp("sentences")
    made = place / "folder"
    import_univl(
        write_checkpoint(place / "source", whole_univl_state | univl_state), made, backbone=narrow_s3d, recipe=RECIPE
    )
    (made / "graphs").mkdir()
    for graph in graphs_of(*load_weights(made), RECIPE):
        if graph.name in STAGES:
            content = to_onnx(graph)
            assert Reference(graph).check("onnxruntime", onnxruntime_outputs(content)).holds
            (made / "graphs" / f"{graph.name}.onnx").write_bytes(content)
    write_manifest(made)
    return ModelFolder(made)


OPEN: dict[str, Callable[[ModelFolder, EngineOptions], Engine]] = {
    "torch": lambda folder, options: TorchEngine(folder, "cpu", options),
    "openvino": OpenVinoEngine,
}


@pytest.fixture(scope="module", params=list(OPEN))
def decoder(
    folder: ModelFolder, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StageDecoder]:
    engine = OPEN[request.param](folder, EngineOptions(precision="fp32", cache_dir=tmp_path_factory.mktemp("cache")))
    run = CheckedStages(engine, stage_specs(folder.config, folder.recipe))
    sizes = folder.config.two_streams.decoder  # type: ignore[union-attr]
    assert sizes is not None
    yield StageDecoder(run, sizes, words=folder.config.words, begin=BEGIN, end=END, barred=BARRED)
    engine.close()


def test_whole_sentences_and_steps_have_the_logits_of_the_plain_decoder(
    decoder: StageDecoder, plain_decoder: PlainDecoder, told: tuple[np.ndarray, ...]
) -> None:
    ids, states, mask = told
    remembered = decoder.remember(Told(states, mask))
    wanted = [plain_decoder.logits(row.tolist(), states[at], mask[at]) for at, row in enumerate(ids)]
    none = np.zeros((2, decoder.layers, 1, decoder.width), np.float32)
    whole = decoder._run.run_all(
        "decoder",
        ids=ids,
        past_keys=none,
        past_values=none,
        past_lengths=np.zeros(2, np.int64),
        memory_keys=remembered.keys,
        memory_values=remembered.values,
        memory_mask=mask,
    )
    keys, values = np.zeros((2, 2, decoder.layers, 16, decoder.width), np.float32)
    for at in range(ids.shape[1]):
        logits, key, value = decoder.step(ids[:, at].copy(), keys, values, np.full(2, at), remembered)
        keys[:, :, at], values[:, :, at] = key, value
        for row in range(2):
            allowed = 1e-4 * max(1, np.abs(wanted[row]).max())
            assert np.abs(logits[row] - wanted[row][at]).max() <= allowed
            assert np.abs(whole["logits"][row, at] - wanted[row][at]).max() <= allowed


@pytest.mark.parametrize("asked", [{"beams": 1}, {"beams": 3, "no_repeat": 2, "least": 2}])
def test_sentences_are_those_of_a_plain_search(
    decoder: StageDecoder, plain_decoder: PlainDecoder, told: tuple[np.ndarray, ...], asked: dict[str, Any]
) -> None:
    _, states, mask = told

    def next_word(row: int) -> Callable[[list[int]], np.ndarray]:
        def log_probs(ids: list[int]) -> np.ndarray:
            logits = plain_decoder.logits(ids, states[row], mask[row])[-1]
            return logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())

        return log_probs

    found = best_sentences(decoder, Told(states, mask), Search(most=6, **asked), prefix=(11,))
    task = Task(begin=(BEGIN, 11), end=END, barred=BARRED, most=6, **asked)
    for row, sentences in enumerate(found):
        wanted = beam(task, next_word(row))
        assert [one.ids for one in sentences] == words_of(wanted)
        np.testing.assert_allclose([one.normalised for one in sentences], [one[2] for one in wanted], atol=1e-4)


def test_heads_that_have_no_kernel_are_said(folder: ModelFolder, tmp_path: Path) -> None:
    assert folder.config.encoder.width // HEADS == 24
    engine = TorchEngine(folder, "cpu", EngineOptions(cache_dir=tmp_path))
    assert "decoder: heads of 24 filled up with zeros to 32" in str(engine.fallback) or "decoder" in str(
        engine.fallback
    )
    engine.close()


@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="TensorRT-RTX is not installed")
@pytest.mark.parametrize("stage", STAGES)
def test_both_stages_build_for_tensorrt_rtx(stage: str, folder: ModelFolder, tmp_path: Path) -> None:
    portable = folder.read(f"graphs/{stage}.onnx")
    (tmp_path / f"{stage}.onnx").write_bytes(portable)
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(dict(variants(stage, "fp16", portable))[f"graphs/{stage}.fp16.onnx"])
    profiles = profiles_of(stage, folder.config, folder.recipe)
    if stage == "decoder":
        # A step of generation has a profile of its own, so that it is not padded to a sentence.
        assert profiles[0].inputs["ids"][2][1] == 1
    request = BuildRequest(target="tensorrt-rtx", graph=graph, targets=("8.6",), profiles=profiles)
    assert run_build(request, BuildLimits()).plan
