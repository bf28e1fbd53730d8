"""Graphs for engines: what they hold, that they compute what the model computes, and that they carry no weights."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from videobert.base.errors import InputError, VideoBertError
from videobert.model.folder import ModelFolder, find
from videobert.model.graph_files import graph_file, missing_graphs, stages_of
from videobert.model.stage import StageSpec
from videobert.model.stage_lists import CANDIDATES, nearest
from videobert_modeling.export import export_engine_graphs, write_manifest
from videobert_modeling.export.low_precision import engine_graphs
from videobert_modeling.export.low_precision.candidates import nearest_graph
from videobert_modeling.export.low_precision.engine_graphs import EngineGraph, variants
from videobert_modeling.export.low_precision.lowered import lowered
from videobert_modeling.export.low_precision.quantised import activations_of, quantised
from videobert_modeling.export.portable.parity import onnxruntime_runner

CONFIG = ModelFolder("shapes").config
STAGES = ["backbone", "encoder", "text_head", "visual_head", "alignment_head"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[EngineGraph, ...]]:
    root = tmp_path_factory.mktemp("engine_graphs") / "shapes"
    shutil.copytree(find("shapes"), root)
    for path in (root / "graphs").glob("*.*.onnx"):
        path.unlink()
    write_manifest(root)
    return root, export_engine_graphs(root)


@pytest.fixture(scope="module")
def folder(exported: tuple[Path, tuple[EngineGraph, ...]]) -> Path:
    return exported[0]


def whole(folder: Path, name: str) -> ModelProto:
    """The graph with its weights inside."""
    return onnx.load(folder / "graphs" / name)


def interface(model: ModelProto) -> tuple[list[bytes], list[bytes]]:
    return [v.SerializeToString() for v in model.graph.input], [v.SerializeToString() for v in model.graph.output]


def encoder_inputs(*lengths: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shape = (len(lengths), max(lengths))
    return {
        "ids": random.integers(CONFIG.vocabulary, size=shape),
        "segments": random.integers(2, size=shape),
        "lengths": np.array(lengths, np.int64),
    }


def test_every_file_that_an_engine_needs_is_written_and_in_the_manifest(
    exported: tuple[Path, tuple[EngineGraph, ...]],
) -> None:
    root, written = exported
    folder = ModelFolder(root)
    folder.verify()
    assert {graph.name for graph in written} <= set(folder.names())
    for precision in ("fp32", "fp16", "bf16"):
        for mask in (False, True):
            assert missing_graphs(folder.names(), folder.config, precision, mask=mask) == ()
    assert missing_graphs(folder.names(), folder.config, "int8", mask=False)


def test_fp32_and_fp16_were_checked_against_torch(exported: tuple[Path, tuple[EngineGraph, ...]]) -> None:
    checked = {graph.name: graph.parity for graph in exported[1] if graph.parity is not None}
    assert set(checked) == {
        "graphs/encoder.fp32-mask.onnx",
        "graphs/encoder.fp16-mask.onnx",
        *(f"graphs/{stage}.fp16.onnx" for stage in STAGES),
    }
    assert all(parity.holds and parity.error > 0 for parity in checked.values())


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_inputs_and_outputs_are_those_of_the_portable_graph(folder: Path, stage: str, precision: str) -> None:
    assert interface(whole(folder, f"{stage}.{precision}.onnx")) == interface(whole(folder, f"{stage}.onnx"))


def test_weights_lie_in_the_portable_files_alone(folder: Path) -> None:
    for path in sorted((folder / "graphs").glob("*.*.onnx")):
        model = onnx.load(path, load_external_data=False)
        stage = path.name.split(".")[0]
        for tensor in model.graph.initializer:
            facts = {entry.key: entry.value for entry in tensor.external_data}
            assert facts.get("location", f"{stage}.onnx") == f"{stage}.onnx"
            if tensor.data_type == TensorProto.FLOAT16 and len(tensor.dims) > 1 and "scale" not in tensor.name:
                assert (
                    tensor.data_location == TensorProto.EXTERNAL or np.prod(tensor.dims) < 64 or "shift" in tensor.name
                )
        if "backbone" not in path.name:  # its folded scales are its own
            assert path.stat().st_size < 30_000


def element_types(model: ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    found = {value.name: value.type.tensor_type.elem_type for value in (*graph.value_info, *graph.input, *graph.output)}
    return found | {tensor.name: tensor.data_type for tensor in graph.initializer}


@pytest.mark.parametrize(("precision", "low"), [("fp16", TensorProto.FLOAT16), ("bf16", TensorProto.BFLOAT16)])
def test_products_are_low_and_statistics_are_not(folder: Path, precision: str, low: int) -> None:
    seen = set()
    for stage in STAGES:
        model = whole(folder, f"{stage}.{precision}.onnx")
        types = element_types(model)
        for node in model.graph.node:
            if node.op_type in ("MatMul", "Gemm", "Conv", "Attention", "Gelu", "Relu", "MaxPool"):
                assert {types[name] for name in (*node.input, *node.output) if name and name != "lengths"} == {low}
            elif node.op_type in ("LayerNormalization", "ReduceMean", "AveragePool", "Sub"):
                assert types[node.input[0]] == types[node.output[0]] == TensorProto.FLOAT
            else:
                continue
            seen.add(node.op_type)
        assert not any(node.op_type == "BatchNormalization" for node in model.graph.node)
    assert {"MatMul", "Gemm", "Conv", "Attention", "LayerNormalization", "ReduceMean"} <= seen


def test_bf16_is_fp16_with_another_type(folder: Path) -> None:
    for stage in STAGES:
        kinds = []
        for precision in ("fp16", "bf16"):
            nodes = whole(folder, f"{stage}.{precision}.onnx").graph.node
            kinds.append([node.op_type for node in nodes if node.op_type != "Cast"])
        assert kinds[0] == kinds[1]


def test_only_a_cast_touches_the_bytes(folder: Path) -> None:
    for precision in ("fp16", "bf16"):
        model = whole(folder, f"backbone.{precision}.onnx")
        (cast,) = [node for node in model.graph.node if "clips" in node.input]
        assert cast.op_type == "Cast"
        assert element_types(model)[cast.output[0]] == TensorProto.FLOAT


def with_all_values(model: ModelProto, low: int) -> tuple[ModelProto, list[str]]:
    """The graph with every value of the low type as an output, so that onnxruntime must make it."""
    types = element_types(model)
    names = [name for node in model.graph.node for name in node.output if types.get(name) == low]
    watched = ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(helper.make_tensor_value_info(name, low, None) for name in names)
    return watched, names


def test_activations_eight_times_as_large_stay_finite_in_fp16(folder: Path) -> None:
    from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

    model = whole(folder, "encoder.onnx")
    for tensor in model.graph.initializer:
        # Embeddings, and the matrices whose products are added to the residual stream.
        if len(tensor.dims) == 2:
            value = numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array((8 * value).astype(np.float16), tensor.name))
        elif tensor.name.endswith("norm.weight"):
            tensor.CopyFrom(numpy_helper.from_array(8 * numpy_helper.to_array(tensor), tensor.name))
    low = lowered(model, "fp16")
    watched, names = with_all_values(low, TensorProto.FLOAT16)
    session = onnxruntime_library().InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = encoder_inputs(21, 8, 1)
    values = session.run(names, inputs)
    assert len(values) > 20
    for name, value in zip(names, values, strict=True):
        assert np.isfinite(value.astype(np.float32)).all(), name
    exact = onnxruntime_runner(model.SerializeToString())(inputs)
    ours = onnxruntime_runner(low.SerializeToString())(inputs)
    assert np.isfinite(ours).all()
    assert np.sqrt(np.mean((ours[0] - exact[0]) ** 2)) < 0.05 * np.sqrt(np.mean(exact[0] ** 2))


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_mask_says_what_the_lengths_say(folder: Path, precision: str) -> None:
    name = "encoder.onnx" if precision == "fp32" else f"encoder.{precision}.onnx"
    model = whole(folder, f"encoder.{precision}-mask.onnx")
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 23)]
    attentions = [node for node in model.graph.node if node.op_type == "Attention"]
    assert len(attentions) == CONFIG.encoder.layers
    assert all(len(node.input) == 4 and "mask" in node.input[3] for node in attentions)
    by_lengths, by_mask = (
        onnxruntime_runner(folder / "graphs" / name),
        onnxruntime_runner(folder / "graphs" / f"encoder.{precision}-mask.onnx"),
    )
    for lengths in ((21, 8, 1), (1,), (128,)):
        inputs = encoder_inputs(*lengths)
        first, second = by_lengths(inputs), by_mask(inputs)
        for row, length in enumerate(lengths):
            assert np.abs(first[row, :length] - second[row, :length]).max() < (1e-5 if precision == "fp32" else 2e-2)


def test_padding_has_no_influence_behind_the_mask(folder: Path) -> None:
    run = onnxruntime_runner(folder / "graphs" / "encoder.fp16-mask.onnx")
    inputs = encoder_inputs(21, 8, 1)
    states = np.array(run(inputs))
    for row, length in enumerate(inputs["lengths"]):
        inputs["ids"][row, length:] = 0
        inputs["segments"][row, length:] ^= 1
    other = run(inputs)
    for row, length in enumerate(inputs["lengths"]):
        assert np.array_equal(states[row, :length], other[row, :length])


def centroids_of(leaves: int, width: int) -> StageSpec:
    return nearest(replace(CONFIG, visual_tokens=leaves, backbone=replace(CONFIG.backbone, feature_dim=width)))


@pytest.mark.parametrize("half", [False, True])
def test_the_nearest_centroids_are_the_codebooks(half: bool) -> None:
    from videobert_modeling.export.portable.onnxruntime_library import onnxruntime_library

    random = np.random.default_rng(0)
    centroids = random.normal(size=(300, 64)).astype(np.float32)
    features = (centroids[random.integers(300, size=40)] + 0.4 * random.normal(size=(40, 64))).astype(np.float32)
    model = nearest_graph(centroids_of(300, 64), half=half)
    session = onnxruntime_library().InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    squares = (centroids.astype(np.float64) ** 2).sum(-1).astype(np.float32)
    scores, ids = session.run(None, {"features": features, "centroids": centroids, "squares": squares})
    distances = ((features[:, None].astype(np.float64) - centroids[None]) ** 2).sum(-1)
    assert ids.shape == (40, CANDIDATES)
    assert (np.diff(scores, axis=1) >= 0).all()
    # The exact answer is among the candidates, also in fp16: the caller decides near ties.
    assert (ids == distances.argmin(1)[:, None]).any(1).all()
    if not half:
        assert np.array_equal(ids[:, 0], distances.argmin(1))
        exact = np.take_along_axis(distances, ids, 1) - (features.astype(np.float64) ** 2).sum(1)[:, None]
        assert np.abs(scores - exact).max() < 1e-3


def test_a_codebook_smaller_than_the_candidates_gives_all_of_it() -> None:
    model = nearest_graph(centroids_of(3, 4), half=False)
    assert [d.dim_value for d in model.graph.output[1].type.tensor_type.shape.dim][1] == 3


@pytest.mark.parametrize(("kind", "share"), [("int8", 0.02), ("fp8", 0.08)])
def test_quantised_products_are_near_and_their_weights_are_folded_from_fp16(
    folder: Path, kind: str, share: float
) -> None:
    low = lowered(whole(folder, "encoder.onnx"), "fp16")
    entering = activations_of(low)
    assert len(entering) == 4 * CONFIG.encoder.layers
    inputs = encoder_inputs(21, 8, 1)
    exact = onnxruntime_runner(low.SerializeToString())(inputs)
    for ranges in (None, dict.fromkeys(entering, 6.0)):
        model = quantised(low, kind, ranges)  # type: ignore[arg-type]
        kinds = [node.op_type for node in model.graph.node]
        products = 4 * CONFIG.encoder.layers
        assert (
            kinds.count("QuantizeLinear") == kinds.count("DequantizeLinear") == products * (1 if ranges is None else 2)
        )
        ours = onnxruntime_runner(model.SerializeToString())(inputs)
        error = np.sqrt(np.mean((ours[0] - exact[0]) ** 2) / np.mean(exact[0] ** 2))
        assert 0 < error < 3 * share


def test_the_bundled_models_quantised_graphs_keep_its_answers() -> None:
    folder = ModelFolder("shapes")
    random = np.random.default_rng(1)
    lengths = np.array([9, 12, 20], np.int64)
    visual = random.integers(folder.config.words, folder.config.joiner_id, size=(3, 20))
    inputs = {"ids": visual, "segments": np.ones((3, 20), np.int64), "lengths": lengths}
    states = onnxruntime_runner(folder.path("graphs/encoder.onnx"))(inputs)
    for kind, most in (("int8", 0.15), ("fp8", 0.25)):
        ours = onnxruntime_runner(folder.path(f"graphs/encoder.{kind}.onnx"))(inputs)
        error = np.sqrt(np.mean((ours[0, :9] - states[0, :9]) ** 2) / np.mean(states[0, :9] ** 2))
        assert 1e-3 < error < most


def test_the_same_graph_gives_the_same_bytes(folder: Path) -> None:
    portable = (folder / "graphs" / "encoder.onnx").read_bytes()
    for precision in ("fp16", "bf16"):
        for name, content in variants("encoder", precision, portable):
            assert content == (folder / name).read_bytes()


def test_a_graph_that_computes_something_else_is_not_written(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    for path in (tmp_path / "copy" / "graphs").glob("*.*.onnx"):
        path.unlink()
    export = engine_graphs.lowered

    def wrong(model: ModelProto, precision: str, keep: frozenset[str]) -> ModelProto:
        out = export(model, precision, keep)  # type: ignore[arg-type]
        for tensor in out.graph.initializer:
            if tensor.name == "model.heads.transform.norm.bias":
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 0.1, tensor.name))
        return out

    monkeypatch.setattr(engine_graphs, "lowered", wrong)
    keep: Callable[..., list] = engine_graphs.graphs_of
    monkeypatch.setattr(engine_graphs, "graphs_of", lambda *a: [g for g in keep(*a) if g.name == "text_head"])
    (tmp_path / "copy" / "manifest.json").unlink()
    write_manifest(tmp_path / "copy")
    with pytest.raises(VideoBertError, match="text_head"):
        export_engine_graphs(tmp_path / "copy", "fp16")
    assert not list((tmp_path / "copy" / "graphs").glob("*.*.onnx"))


def test_an_unknown_precision_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="fp64"):
        export_engine_graphs(folder, "fp64")
    with pytest.raises(InputError):
        graph_file("encoder", "fp64", mask=False)


def test_stages_follow_the_heads() -> None:
    assert stages_of(CONFIG) == (
        "backbone",
        "nearest",
        "encoder",
        "text_head",
        "visual_head",
        "alignment_head",
    )
