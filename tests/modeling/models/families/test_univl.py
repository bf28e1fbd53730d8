"""An imported UniVL against its description in float64, through the engines that run its stages."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.modeling.importers.small_univl_checkpoint import HEADS, given
from tests.modeling.importers.univl_float64 import PlainUniVl

from videobert.base.errors import ModelError
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.tensorrt.build.build_process import BuildLimits, run_build
from videobert.engines.tensorrt.build.request import BuildRequest
from videobert.engines.tensorrt.plan_info import read_fusion
from videobert.engines.tensorrt.profiles import profiles_of
from videobert.engines.torch_engine import TorchEngine
from videobert.families.family import Joint
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.stage_lists import stage_spec
from videobert.pipeline.scoring import Clips
from videobert.runtime import load
from videobert_modeling.export.low_precision.engine_graphs import variants
from videobert_modeling.models import load_weights
from videobert_modeling.models.families.univl import UniVl

Outputs = dict[str, npt.NDArray[Any]]
CLIP = BUNDLED / "shapes" / "clip.mp4"
OPEN: dict[str, Callable[[ModelFolder, Path], Engine]] = {
    "torch": lambda folder, cache: TorchEngine(folder, "cpu", EngineOptions(cache_dir=cache)),
    "torch bf16": lambda folder, cache: TorchEngine(folder, "cpu", EngineOptions(cache_dir=cache, precision="bf16")),
    "openvino": lambda folder, cache: OpenVinoEngine(folder, EngineOptions(cache_dir=cache, precision="fp32")),
}


@pytest.fixture(scope="module")
def engines(univl_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Engine]]:
    folder, cache = ModelFolder(univl_folder), tmp_path_factory.mktemp("cache")
    opened = {name: make(folder, cache) for name, make in OPEN.items()}
    yield opened
    for engine in opened.values():
        engine.close()


@pytest.fixture(scope="module")
def inputs() -> dict[str, npt.NDArray[Any]]:
    return given()


@pytest.fixture(scope="module")
def exact(whole_univl_state: dict[str, torch.Tensor], inputs: dict[str, npt.NDArray[Any]]) -> list[Outputs]:
    """What every stage gives, for each text with its film, without padding."""
    plain = PlainUniVl({name: value.numpy() for name, value in whole_univl_state.items()}, HEADS)
    places = inputs["ids"].shape[1]
    found = []
    for row in range(2):
        text = plain.text(inputs["ids"][row, : inputs["text_lengths"][row]])
        film = inputs["features"][row, : inputs["video_lengths"][row]]
        video = plain.video(film)
        fused = plain.fused(text, video, places)
        pooled = plain.pooled(fused)
        found.append(
            {
                "text_encoder": text,
                "video_encoder": video,
                "cross_encoder": fused,
                "cross_pooler": pooled,
                "alignment_head": np.array(plain.similarity(pooled)),
                "text_head": plain.words(fused),
                "visual_head": plain.features(fused),
                "feature_norm": plain.normalized(film),
            }
        )
    return found


def told(run: Callable[..., npt.NDArray[Any]], given: dict[str, npt.NDArray[Any]]) -> list[Outputs]:
    """The same through an engine, one stage after the other."""
    text_lengths, video_lengths = given["text_lengths"], given["video_lengths"]
    text = run("text_encoder", ids=given["ids"], lengths=text_lengths)
    video = run("video_encoder", features=given["features"], lengths=video_lengths)
    fused = run(
        "cross_encoder",
        text_states=text,
        text_lengths=text_lengths,
        video_states=video,
        video_lengths=video_lengths,
    )
    pooled = run("cross_pooler", states=np.ascontiguousarray(fused[:, 0]))
    similarity = run("alignment_head", pooled=pooled)
    places, found = text.shape[1], []
    for row, (words, clips) in enumerate(zip(text_lengths, video_lengths, strict=True)):
        states = np.concatenate([fused[row, :words], fused[row, places : places + clips]])
        found.append(
            {
                "text_encoder": text[row, :words],
                "video_encoder": video[row, :clips],
                "cross_encoder": states,
                "cross_pooler": pooled[row],
                "alignment_head": similarity[row],
                "text_head": run("text_head", states=states),
                "visual_head": run("visual_head", states=states),
                "feature_norm": run("feature_norm", features=np.ascontiguousarray(given["features"][row, :clips])),
            }
        )
    return found


def distance(ours: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> float:
    """The largest difference, in units of the largest magnitude, or of 1."""
    return float(np.abs(ours.astype(np.float64) - wanted).max() / max(1.0, np.abs(wanted).max()))


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_every_stage_is_that_of_the_checkpoint(
    engine: str, engines: dict[str, Engine], inputs: dict[str, npt.NDArray[Any]], exact: list[Outputs]
) -> None:
    for ours, wanted in zip(told(engines[engine].run, inputs), exact, strict=True):
        for stage, values in wanted.items():
            assert distance(ours[stage], values) <= (1e-4 if stage == "text_head" else 1e-5), stage


def test_bfloat16_is_at_most_twice_as_far_as_plain_torch_in_it(
    engines: dict[str, Engine], univl_folder: Path, inputs: dict[str, npt.NDArray[Any]], exact: list[Outputs]
) -> None:
    _, model = load_weights(univl_folder)
    assert isinstance(model, UniVl)
    model.bfloat16()

    def plain(stage: str, **arrays: npt.NDArray[Any]) -> npt.NDArray[Any]:
        tensors = [torch.from_numpy(array) for array in arrays.values()]
        tensors = [tensor.bfloat16() if tensor.is_floating_point() else tensor for tensor in tensors]
        with torch.inference_mode():
            out: torch.Tensor = getattr(model, stage)(*tensors)
        return out.float().numpy()

    text = plain("text_encoder", ids=inputs["ids"], lengths=inputs["text_lengths"])
    video = plain("video_encoder", features=inputs["features"], lengths=inputs["video_lengths"])
    fused = plain(
        "cross_encoder", text=text, text_lengths=inputs["text_lengths"], video=video, lengths=inputs["video_lengths"]
    )
    ours = told(engines["torch bf16"].run, inputs)
    for stage, states, lengths in (
        ("text_encoder", text, inputs["text_lengths"]),
        ("video_encoder", video, inputs["video_lengths"]),
        ("cross_encoder", fused, inputs["text_lengths"]),
    ):
        own = plainly = 0.0
        for row, length in enumerate(lengths):
            wanted = exact[row][stage][:length]
            own += float(((ours[row][stage][:length] - wanted) ** 2).mean())
            plainly += float(((states[row, :length] - wanted) ** 2).mean())
        assert np.sqrt(own) <= 2 * np.sqrt(plainly), stage


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_neither_the_batch_nor_what_stands_behind_an_end_matters(
    engine: str, engines: dict[str, Engine], inputs: dict[str, npt.NDArray[Any]]
) -> None:
    run = engines[engine].run
    together = told(run, inputs)
    filled = {name: array.copy() for name, array in inputs.items()}
    filled["ids"][1, inputs["text_lengths"][1] :] = 3
    filled["features"][1, inputs["video_lengths"][1] :] = 1e4
    for row, ours in enumerate(told(run, filled)):
        for stage, values in together[row].items():
            np.testing.assert_array_equal(ours[stage], values, err_msg=stage)
    for row in range(2):
        alone = told(run, {name: np.ascontiguousarray(array[row : row + 1]) for name, array in filled.items()})
        for stage, values in together[row].items():
            # Matrix products of other sizes are summed in another order, and no more.
            assert distance(alone[0][stage], values) <= 5e-6, stage


def test_a_text_alone_is_one_with_a_film_of_no_clip(
    engines: dict[str, Engine], inputs: dict[str, npt.NDArray[Any]], whole_univl_state: dict[str, torch.Tensor]
) -> None:
    plain = PlainUniVl({name: value.numpy() for name, value in whole_univl_state.items()}, HEADS)
    text = plain.text(inputs["ids"][1, :7])
    wanted = plain.fused(text, np.zeros((0, text.shape[1])), 20)
    for name in ("torch", "openvino"):
        run = engines[name].run
        states = run("text_encoder", ids=inputs["ids"][1:], lengths=inputs["text_lengths"][1:])
        fused = run(
            "cross_encoder",
            text_states=states,
            text_lengths=inputs["text_lengths"][1:],
            video_states=np.full((1, 1, states.shape[2]), 7, np.float32),
            video_lengths=np.zeros(1, np.int64),
        )
        assert distance(fused[0, :7], wanted) <= 1e-5


def test_vectors_are_the_means_that_the_checkpoint_compares(
    univl_folder: Path, whole_univl_state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    plain = PlainUniVl({name: value.numpy() for name, value in whole_univl_state.items()}, HEADS)
    with load(univl_folder, engine="openvino", precision="fp32", cache_dir=tmp_path) as model:
        tokenizer = model._opened.tokenizer
        ids = np.array([tokenizer.special.cls, *tokenizer.encode("a red circle moves"), tokenizer.special.sep])
        text = plain.mean_text(plain.text(ids))
        assert distance(model.embed(text="a red circle moves").vector, text) <= 1e-5
        saved = model.features(CLIP)
        video = plain.video(saved.features.astype(np.float32)).mean(axis=0)
        assert distance(model.embed(saved).vector, video) <= 1e-5


@pytest.mark.skipif(importlib.util.find_spec("tensorrt_rtx") is None, reason="TensorRT-RTX is not installed")
@pytest.mark.parametrize("stage", ["video_encoder", "cross_encoder"])
def test_encoders_build_for_tensorrt_rtx_with_fused_attention(stage: str, univl_folder: Path, tmp_path: Path) -> None:
    folder = ModelFolder(univl_folder)
    portable = folder.read(f"graphs/{stage}.onnx")
    (tmp_path / f"{stage}.onnx").write_bytes(portable)
    files = dict(variants(stage, "fp16", portable))
    graph = tmp_path / "graph.onnx"
    graph.write_bytes(files[f"graphs/{stage}.fp16.onnx"])
    spec = stage_spec(stage, folder.config, folder.recipe)
    request = BuildRequest(
        target="tensorrt-rtx",
        graph=graph,
        targets=("8.6",),
        profiles=profiles_of(stage, folder.config, folder.recipe),
        lengths=spec.lengths,
    )
    built = run_build(request, BuildLimits())
    assert built.result.attentions == spec.attentions
    # The cross encoder's graph has a mask, as what a place attends to depends on the stream.
    assert built.result.lengths_given == (spec.attentions if spec.lengths else 0)
    fusion = read_fusion(built.plan)
    assert fusion is not None
    assert fusion.attention == spec.attentions


def test_a_model_says_which_heads_it_has(univl_folder: Path) -> None:
    _, model = load_weights(univl_folder)
    assert isinstance(model, UniVl)
    del model.heads["visual"]
    with pytest.raises(ModelError, match="no visual head"):
        model.visual_features(torch.zeros(1, 96))


def test_fused_states_are_the_same_in_any_company(univl_folder: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    with load(univl_folder, cache_dir=tmp_path, precision="fp32") as model:
        family = model._opened.aligns
        assert isinstance(family, Joint)
        width = model.config.backbone.feature_dim
        asked = []
        for pieces, clips in [(2, 1), (5, 3), (5, 3), (9, 12), (2, 40), (9, 12), (14, 40), (5, 41), (13, 2)]:
            features = draw.standard_normal((clips, width)).astype(np.float32)
            words = draw.integers(5, model.config.words, pieces).tolist()
            stretch = Clips(ids=np.zeros(0, np.int32), features=features)
            asked.append((family.joint(words, stretch), range(1 + pieces)))
        together = list(family.states(asked))
        for one, states in zip(asked, together, strict=True):
            np.testing.assert_array_equal(next(iter(family.states([one]))), states)
