"""A model folder as a model repository: what is served, how it is wired, and what the check finds."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from videobert.base.errors import InputError, ModelError
from videobert.model.folder import ModelFolder
from videobert.model.stage_lists import nearest_with_codebook, stage_specs
from videobert.serve.triton.lint import lint
from videobert.serve.triton.model_config import ServedModel, ServedTensor, Step
from videobert.serve.triton.pipeline_signature import signature_of_pipeline
from videobert.serve.triton.plans import ServedPlan
from videobert.serve.triton.repository import models_of, preprocessing, served_plan, write_repository
from videobert.visual.codebook import Codebook

# The types of DALI's dali.proto.
UINT8, INT32, FLOAT = 0, 6, 9
FED = {
    **{"VIDEO": (UINT8, 1), "FRAMES": (INT32, 1), "LAST": (FLOAT, 1), "FIRST": (FLOAT, 1), "LUMA": (FLOAT, 2)},
    **{"SHIFT": (FLOAT, 1), "CHROMA": (FLOAT, 2), "ORDER_0": (INT32, 1)},
}


def message(*fields: tuple[int, bytes | str | int]) -> bytes:
    """Protobuf's wire format."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(varint(number << 3) + varint(value & (1 << 64) - 1))
        else:
            content = value.encode() if isinstance(value, str) else value
            parts.append(varint(number << 3 | 2) + varint(len(content)) + content)
    return b"".join(parts)


def varint(value: int) -> bytes:
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def pipeline(fed: dict[str, tuple[int, int]] = FED, output: tuple[int, int] = (UINT8, 4)) -> bytes:
    """A serialised pipeline, `PipelineDef` of dali.proto, in the parts that matter here and some that do not."""

    def argument(name: str, value: int) -> tuple[int, bytes]:
        return 4, message((1, name), (2, "int64"), (4, value), (8, 0))

    sources = [
        (5, message((1, "ExternalSource"), (3, message((1, name), (2, "cpu"))), argument("dtype", kind),
                    (4, message((1, "repeat_last"), (2, "bool"), (6, 0))), argument("ndim", axes), (5, name)))
        for name, (kind, axes) in fed.items()
    ]  # fmt: skip
    decoder = message((1, "decoders__Video"), (2, message((1, "VIDEO"))), (3, message((1, "__Video_0"), (2, "gpu"))))
    clip = message((1, "CLIP_0"), (2, "gpu"), (3, 0), (5, output[0]), (6, output[1]))
    return message((1, 4), (2, 8), *sources, (5, decoder), (7, clip), (8, -1))


PIPELINE = pipeline()

pytest.importorskip("tritonclient", reason="the check reads configurations with Triton's own protobuf")


@pytest.fixture(scope="module")
def models(model_folder: Path) -> tuple[ServedModel, ...]:
    from videobert_modeling.export.portable.served_nearest import served_nearest

    folder = ModelFolder(model_folder)
    codebook = Codebook.load(folder.path("codebook.safetensors"))
    nearest = served_nearest(nearest_with_codebook(folder.config), codebook)
    return models_of(folder, nearest, PIPELINE, {})


@pytest.fixture
def repository(models: tuple[ServedModel, ...], tmp_path: Path) -> Path:
    write_repository(models, tmp_path / "repository")
    return tmp_path / "repository"


def change(repository: Path, model: str, old: str, new: str) -> None:
    path = repository / model / "config.pbtxt"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_every_stage_is_served_and_the_ensemble_joins_the_first_three(repository: Path) -> None:
    served = {path.name for path in repository.iterdir()}
    assert served == {
        *("preprocess", "backbone", "nearest", "encoder", "text_head", "visual_head", "alignment_head"),
        "video_to_tokens",
    }
    assert lint(repository) == []
    assert list((repository / "video_to_tokens" / "1").iterdir()) == []
    assert (repository / "preprocess" / "1" / "model.dali").read_bytes() == PIPELINE


def test_configurations_say_what_the_graphs_take_and_give(repository: Path, model_folder: Path) -> None:
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2 as protobuf

    folder = ModelFolder(model_folder)
    recipe, config = folder.recipe, folder.config

    def read(name: str) -> protobuf.ModelConfig:
        return text_format.Parse((repository / name / "config.pbtxt").read_text(), protobuf.ModelConfig())

    backbone, encoder, nearest, whole = (read(n) for n in ("backbone", "encoder", "nearest", "video_to_tokens"))
    assert backbone.backend == "onnxruntime"
    assert list(backbone.input[0].dims) == [recipe.frames, recipe.crop, recipe.crop, 3]
    assert backbone.input[0].data_type == protobuf.TYPE_UINT8
    assert {tensor.name: list(tensor.dims) for tensor in encoder.input} == {
        "ids": [-1],
        "segments": [-1],
        "lengths": [1],
    }
    # A graph input with no axis but the batch.
    assert [tensor.HasField("reshape") for tensor in encoder.input] == [False, False, True]
    assert list(encoder.output[0].dims) == [-1, config.encoder.width]
    assert [(tensor.name, list(tensor.dims)) for tensor in nearest.output] == [("ids", [1]), ("distances", [1])]
    assert [step.model_name for step in whole.ensemble_scheduling.step] == ["preprocess", "backbone", "nearest"]
    assert {tensor.name for tensor in whole.output} == {"features", "ids", "distances"}
    assert read("preprocess").input[0].allow_ragged_batch


def test_the_served_graph_gives_the_runtimes_tokens(repository: Path, model_folder: Path) -> None:
    from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

    codebook = Codebook.load(ModelFolder(model_folder).path("codebook.safetensors"))
    random = np.random.default_rng(3)
    features = random.normal(size=(257, codebook.dim)).astype(np.float32) * codebook.leaves.std() * 3
    features[:50] += codebook.leaves[random.integers(len(codebook), size=50)]
    session = onnxruntime_library().InferenceSession(repository / "nearest" / "1" / "model.onnx")
    ids, distances = session.run(["ids", "distances"], {"features": features})
    wanted_ids, wanted_distances = codebook.assign(features)
    assert (ids[:, 0] == wanted_ids).mean() >= 0.99
    np.testing.assert_allclose(distances[:, 0], wanted_distances, rtol=1e-4)


@pytest.mark.parametrize(
    ("model", "old", "new", "fault"),
    [
        ("preprocess", 'name: "SHIFT"', 'name: "OFFSET"', "preprocess: the graph's input SHIFT is not listed"),
        ("preprocess", 'name: "SHIFT"', 'name: "OFFSET"', "preprocess: the graph has no input OFFSET"),
        ("preprocess", 'name: "CLIP_0"', 'name: "CLIP"', "preprocess: the graph's output CLIP_0 is not listed"),
        ("preprocess", 'name: "CLIP_0"', 'name: "CLIP"', "preprocess: the graph has no output CLIP"),
        ("preprocess", "TYPE_UINT8", "TYPE_FP32", "input VIDEO is TYPE_FP32, the graph's is TYPE_UINT8"),
        ("preprocess", "dims: [3, 3]", "dims: [9]", "input LUMA has dims [9], the graph's are [-1, -1]"),
        ("preprocess", "max_batch_size: 8", "max_batch_size: 0", "input VIDEO has dims [-1], the graph's are [-1, -1]"),
        ("preprocess", "max_batch_size: 8", "max_batch_size: 0", "batches of 8 are more than preprocess takes (0)"),
        ("backbone", 'name: "backbone"', 'name: "spine"', "backbone: its configuration is called 'spine'"),
        ("backbone", 'name: "features"', 'name: "embedding"', "the graph's output features is not listed"),
        ("encoder", "max_batch_size: 8", "max_batch_size: 0", "input ids has dims [-1], the graph's are [-1, -1]"),
        ("backbone", "TYPE_UINT8", "TYPE_FP32", "input clips is TYPE_FP32, the graph's is TYPE_UINT8"),
        ("backbone", ", 3]", ", 4]", "input clips has dims"),
        ("backbone", 'name: "features"', 'name: "embedding"', "the graph has no output embedding"),
        ("encoder", 'name: "segments"', 'name: "kinds"', "the graph's input segments is not listed"),
        ("encoder", 'name: "segments"', 'name: "ids"', "input ids stands twice"),
        ("encoder", "max_batch_size", "largest_batch", "config.pbtxt cannot be read"),
        ("encoder", "TYPE_INT64", "TYPE_LONG", "config.pbtxt cannot be read"),
        ("nearest", '"onnxruntime"', '"onnx"', "backend 'onnx' is none of"),
        ("nearest", "max_batch_size: 8", "max_batch_size: 4", "batches of 8 are more than nearest takes (4)"),
        ("video_to_tokens", 'key: "FRAMES"', 'key: "NUMBERS"', "input FRAMES of preprocess is not mapped"),
        ("video_to_tokens", 'key: "FRAMES"', 'key: "NUMBERS"', "preprocess has no input NUMBERS"),
        ("video_to_tokens", 'key: "SHIFT"', 'key: "OFFSET"', "input SHIFT of preprocess is not mapped"),
        ("video_to_tokens", 'value: "SHIFT"', 'value: "FIRST"', "SHIFT is used by no step and is no output"),
        ("video_to_tokens", 'name: "ids"', 'name: "features"', "ids is used by no step and is no output"),
        ("video_to_tokens", "max_batch_size: 8", "max_batch_size: 0", "with its batch, VIDEO has [-1]"),
        ("video_to_tokens", 'model_name: "backbone"', 'model_name: "spine"', "no model is called spine"),
        ("video_to_tokens", 'value: "features"', 'value: "feature"', "feature is used by backbone before it is made"),
        ("video_to_tokens", "TYPE_INT32", "TYPE_INT64", "preprocess.FRAMES is TYPE_INT32, FRAMES is TYPE_INT64"),
        ("video_to_tokens", 'name: "distances"', 'name: "lengths"', "output lengths is never made"),
        ("video_to_tokens", "dims: [2]", "dims: [3]", "preprocess.FIRST has dims [2], FIRST has [3]"),
    ],
)
def test_planted_faults_are_found(repository: Path, model: str, old: str, new: str, fault: str) -> None:
    if fault.startswith("feature is used"):
        # The second mention is what backbone makes; the first one is what it takes.
        old, new = 'value: "CLIP_0"', 'value: "feature"'
        change(repository, model, old, 'value: "clip"')
        fault = "CLIP_0 is used by backbone before it is made"
    else:
        change(repository, model, old, new)
    assert any(fault in found for found in lint(repository)), lint(repository)


@pytest.mark.parametrize("damage", ["no version", "odd version", "no file", "empty file", "not a graph"])
def test_missing_and_damaged_files_are_found(repository: Path, damage: str) -> None:
    version = repository / "backbone" / "1"
    if damage == "no version":
        shutil.rmtree(version)
    elif damage == "odd version":
        version.rename(version.with_name("latest"))
    elif damage == "no file":
        (version / "model.onnx").unlink()
    else:
        (version / "model.onnx").write_bytes(b"" if damage == "empty file" else b"x" * 99)
    faults = lint(repository)
    assert faults
    assert all(fault.startswith("backbone: ") for fault in faults)


def test_an_empty_folder_is_a_fault_and_a_missing_one_an_error(tmp_path: Path) -> None:
    assert lint(tmp_path) == ["the repository has no model"]
    with pytest.raises(ModelError, match="not a model repository"):
        lint(tmp_path / "nowhere")


def test_an_input_that_the_configurations_lack_is_found_wherever_it_is_missing(repository: Path) -> None:
    """Left out of both, as if the pipeline had got it later: only the graph itself tells."""
    for model in ("preprocess", "video_to_tokens"):
        path = repository / model / "config.pbtxt"
        text = re.sub(r'input \{\n  name: "SHIFT"\n(  .*\n)+\}\n', "", path.read_text())
        path.write_text(re.sub(r' *input_map \{\n *key: "SHIFT"\n *value: "SHIFT"\n *\}\n', "", text))
        assert "SHIFT" not in path.read_text()
    assert lint(repository) == ["preprocess: the graph's input SHIFT is not listed"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (pipeline({**FED, "GAMMA": (FLOAT, 0)}), "preprocess: the graph's input GAMMA is not listed"),
        (pipeline({name: kind for name, kind in FED.items() if name != "LUMA"}), "the graph has no input LUMA"),
        (pipeline({**FED, "ORDER_0": (7, 1)}), "input ORDER_0 is TYPE_INT32, the graph's is TYPE_INT64"),
        (pipeline({**FED, "FIRST": (FLOAT, 2)}), "input FIRST has dims [2], the graph's are [-1, -1]"),
        (pipeline(output=(FLOAT, 4)), "output CLIP_0 is TYPE_UINT8, the graph's is TYPE_FP32"),
        (pipeline(output=(UINT8, 5)), "output CLIP_0 has dims"),
        (pipeline(output=(-1, -1)), "CLIP_0 has type [-1] and [-1] axes"),
        (pipeline({**FED, "SHIFT": (11, 1)}), "SHIFT has type [11]"),
        (pipeline({}), "cannot be read as a serialised DALI pipeline; got no input"),
        (PIPELINE[:-40], "cannot be read as a serialised DALI pipeline"),
        (b"a serialised pipeline", "cannot be read as a serialised DALI pipeline"),
    ],
)
def test_a_pipeline_of_another_kind_is_found(repository: Path, content: bytes, fault: str) -> None:
    (repository / "preprocess" / "1" / "model.dali").write_bytes(content)
    assert any(fault in found for found in lint(repository)), lint(repository)


def test_what_is_fed_and_given_is_what_the_pipeline_says(model_folder: Path) -> None:
    folder = ModelFolder(model_folder)
    recipe, (clip,) = folder.recipe, stage_specs(folder.config, folder.recipe)[0].inputs
    served = preprocessing(clip, pipeline({**FED, "GAMMA": (FLOAT, 0), "ALPHA": (INT32, 2)}))
    assert {tensor.name: (tensor.dtype, tensor.dims, tensor.ragged) for tensor in served.inputs} == {
        "VIDEO": ("uint8", (-1,), True),
        "FRAMES": ("int32", (-1,), True),
        "ORDER_0": ("int32", (recipe.frames,), False),
        "FIRST": ("float32", (2,), False),
        "LAST": ("float32", (2,), False),
        "SHIFT": ("float32", (2,), False),
        "LUMA": ("float32", (3, 3), False),
        "CHROMA": ("float32", (3, 3), False),
        "ALPHA": ("int32", (-1, -1), True),
        "GAMMA": ("float32", (1,), False),
    }
    assert [tensor.scalar for tensor in served.inputs if tensor.name == "GAMMA"] == [True]
    assert [tensor.dims for tensor in served.outputs] == [(recipe.frames, recipe.crop, recipe.crop, 3)]


def test_dalis_own_pipeline_is_fed_all_that_the_decoder_feeds_it(model_folder: Path) -> None:
    pytest.importorskip("nvidia.dali", reason="the extra dali is not installed")
    from videobert.video.decoders.dali.geometry import Shape
    from videobert.video.decoders.dali.graph import serialise
    from videobert.video.picture.orientation import UPRIGHT

    content = serialise(Shape(crop=24, shifted=True, turn=UPRIGHT), backend="mixed")
    signature = signature_of_pipeline(content, "model.dali")
    types = {0: "uint8", 6: "int32", 9: "float32"}
    assert {port.name: (port.dtype, len(port.dims) - 1) for port in signature.inputs} == {
        name: (types[kind], axes) for name, (kind, axes) in FED.items()
    }
    assert [(port.name, port.dtype, len(port.dims) - 1) for port in signature.outputs] == [("CLIP_0", "uint8", 4)]


def test_nothing_is_written_when_there_are_faults(models: tuple[ServedModel, ...], tmp_path: Path) -> None:
    ensemble = models[-1]
    with pytest.raises(ModelError, match="no model is called preprocess"):
        write_repository([ensemble], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(models: tuple[ServedModel, ...], tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(InputError, match="not empty"):
        write_repository(models, tmp_path)
    with pytest.raises(InputError, match="not empty"):
        write_repository(models, tmp_path / "mine")


def test_a_plan_is_served_with_all_its_profiles(model_folder: Path) -> None:
    folder = ModelFolder(model_folder)
    graph = folder.read("graphs/encoder.onnx")
    spec = next(spec for spec in stage_specs(folder.config, folder.recipe) if spec.name == "encoder")
    model = served_plan(spec, ServedPlan(content=b"plan", profiles=3, version="11.4.0"), graph)
    assert model.backend == "tensorrt"
    assert model.files == {"model.plan": b"plan"}
    assert re.search(r'kind: KIND_GPU\n +profile: "0"\n +profile: "1"\n +profile: "2"', model.to_text())


def test_text_in_a_configuration_is_quoted() -> None:
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2 as protobuf

    odd = 'a "b" \\ c\nd'
    model = ServedModel(
        name=odd,
        backend="",
        most=1,
        inputs=(ServedTensor(name="é", dtype="float16", dims=(-1, 2)),),
        outputs=(),
        steps=(Step(model=odd, inputs={odd: "é"}, outputs={}),),
    )
    read = text_format.Parse(model.to_text(), protobuf.ModelConfig())
    assert read.name == odd
    assert read.input[0].name == "é"
    assert dict(read.ensemble_scheduling.step[0].input_map) == {odd: "é"}
