"""Graphs that ask for other files: found wherever a tensor may stand, whatever the bytes are."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from videobert.base.errors import ModelError
from videobert.engines.base import EngineOptions
from videobert.engines.external_tensors import LEADING, check_external, external_files
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import BUNDLED, ModelFolder
from videobert.model.graph_files import graph_file, stages_of

SECRET = "../../secret"


def external(name: str = "w", location: str = SECRET) -> TensorProto:
    """A tensor of two numbers that lie in another file."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", "8")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def inner(tensor: TensorProto) -> onnx.GraphProto:
    return helper.make_graph([], "inner", [], [], [tensor])


def node_with(**attributes: Any) -> onnx.NodeProto:
    return helper.make_node("Constant", [], ["y"], **attributes)


def sparse(values: TensorProto, indices: TensorProto) -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[9])


def model_with(graph: onnx.GraphProto | None = None, **fields: Any) -> bytes:
    model = onnx.ModelProto(ir_version=11, graph=graph or helper.make_graph([], "g", [], []), **fields)
    return model.SerializeToString()


def function(**fields: Any) -> onnx.FunctionProto:
    return onnx.FunctionProto(name="f", domain="d", **fields)


PLAIN = helper.make_tensor("p", TensorProto.FLOAT, [2], [1.0, 2.0])
PLACES: dict[str, Callable[[], bytes]] = {
    "initializer": lambda: model_with(inner(external())),
    "sparse values": lambda: model_with(onnx.GraphProto(sparse_initializer=[sparse(external(), PLAIN)])),
    "sparse indices": lambda: model_with(onnx.GraphProto(sparse_initializer=[sparse(PLAIN, external())])),
    "attribute": lambda: model_with(onnx.GraphProto(node=[node_with(value=external())])),
    "attributes": lambda: model_with(onnx.GraphProto(node=[node_with(values=[PLAIN, external()])])),
    "sparse attribute": lambda: model_with(onnx.GraphProto(node=[node_with(s=sparse(PLAIN, external()))])),
    "sparse attributes": lambda: model_with(onnx.GraphProto(node=[node_with(s=[sparse(external(), PLAIN)])])),
    "subgraph": lambda: model_with(onnx.GraphProto(node=[node_with(body=inner(external()))])),
    "subgraphs": lambda: model_with(onnx.GraphProto(node=[node_with(bodies=[inner(PLAIN), inner(external())])])),
    "subgraph in a subgraph": lambda: model_with(
        onnx.GraphProto(node=[node_with(body=onnx.GraphProto(node=[node_with(body=inner(external()))]))])
    ),
    "function": lambda: model_with(functions=[function(node=[node_with(value=external())])]),
    "default of a function": lambda: model_with(
        functions=[function(attribute_proto=[helper.make_attribute("a", external())])]
    ),
    "training": lambda: model_with(training_info=[onnx.TrainingInfoProto(algorithm=inner(external()))]),
    "initialisation": lambda: model_with(training_info=[onnx.TrainingInfoProto(initialization=inner(external()))]),
}


@pytest.mark.parametrize("place", PLACES)
def test_it_is_found_wherever_a_tensor_may_stand(place: str) -> None:
    content = PLACES[place]()
    assert external_files(content) == {SECRET}
    with pytest.raises(ModelError, match=r"graphs/x\.onnx takes values from another file.*got \.\./\.\./secret"):
        check_external(content, "graphs/x.onnx")


def test_no_way_to_a_tensor_is_left_out() -> None:
    """Against onnx's own description of its format: every field that leads to a file's name, and no other."""
    messages = {name: d for name, d in onnx.onnx_ml_pb2.DESCRIPTOR.message_types_by_name.items() if name in LEADING}
    for name, descriptor in messages.items():
        leads = {
            field.number: field.message_type.name
            for field in descriptor.fields
            if field.message_type is not None and field.message_type.name in LEADING
        }
        if name != "TensorProto":
            # Entries of other messages are notes, not files.
            leads = {number: target for number, target in leads.items() if target != "StringStringEntryProto"}
        else:
            leads = {13: leads[13]}
        assert LEADING[name] == leads
    outside = set(onnx.onnx_ml_pb2.DESCRIPTOR.message_types_by_name) - set(LEADING)
    for name in outside:
        for field in onnx.onnx_ml_pb2.DESCRIPTOR.message_types_by_name[name].fields:
            assert field.message_type is None or field.message_type.name not in set(LEADING) - {
                "StringStringEntryProto"
            }


def test_one_file_of_weights_is_allowed_and_no_other() -> None:
    own = model_with(inner(external(location="encoder.onnx")))
    check_external(own, "x", allowed={"encoder.onnx"})
    both = model_with(helper.make_graph([], "g", [], [], [external(location="encoder.onnx"), external("v")]))
    with pytest.raises(ModelError, match=r"got \.\./\.\./secret; allowed: encoder\.onnx"):
        check_external(both, "x", allowed={"encoder.onnx"})
    for other in ("./encoder.onnx", "/encoder.onnx", "encoder.onnx\0", ""):
        with pytest.raises(ModelError, match="another file"):
            check_external(model_with(inner(external(location=other))), "x", allowed={"encoder.onnx"})


def test_what_stands_twice_counts_twice() -> None:
    """Protobuf joins a message that stands twice, and of a value the last one holds."""
    first, second = model_with(inner(external(location="a"))), model_with(inner(external(location="b")))
    assert external_files(first + second) == {"a", "b"}
    tensor = external(location="a").SerializeToString()
    entry = b"\x0a\x08location\x12\x01a\x12\x06secret"
    graph = b"\x2a" + bytes([len(tensor) + len(entry) + 2]) + tensor + b"\x6a" + bytes([len(entry)]) + entry
    assert external_files(b"\x3a" + bytes([len(graph)]) + graph) == {"a", "secret"}


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16", "int8", "fp8"])
def test_the_bundled_graphs_pass(precision: str) -> None:
    folder = ModelFolder("shapes")
    for stage in stages_of(folder.config):
        for mask in (False, True):
            graph = graph_file(stage, precision, mask=mask)
            if graph.name in folder:
                allowed = {Path(graph.weights).name} - {Path(graph.name).name}
                check_external(folder.read(graph.name), graph.name, allowed)


def test_a_portable_graph_of_the_bundled_model_has_its_weights_inside_and_is_quickly_walked() -> None:
    folder = ModelFolder("shapes")
    contents = [folder.read(name) for name in folder.names() if name.startswith("graphs/") and name.count(".") == 1]
    assert len(contents) == 5
    external_files(contents[0])
    started_s = time.process_time()
    assert not any(external_files(content) for content in contents)
    # 6 ms on one core of a server.
    assert time.process_time() - started_s < 0.1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a graph",
        b"<?xml version='1.0'?><net/>",
        b"\x08\x0b",
        b"\x3a",
        b"\x3a\x05ab",
        b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x3a\x00\x3b\x3c",
        b"\x3a\x00\x80",
        b"\x3a\x00\x02\x00",
        b"\x3a\x00\xba\x80\x80\x80\x80\x80\x01\x00",
        b"\x3a\x00\x0d\x00",
        b"\x3a\x00\x09\x00\x00",
    ],
)
def test_what_is_no_graph_is_a_model_error(content: bytes) -> None:
    with pytest.raises(ModelError, match="not an ONNX graph"):
        check_external(content, "x")


def test_a_graph_that_would_keep_a_reader_busy_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("videobert.engines.external_tensors._MOST_FIELDS", 1000)
    with pytest.raises(ModelError, match="the 1001th"):
        check_external(b"\x3a\x00" * 5000, "x")


def test_nesting_without_end_is_no_trouble() -> None:
    def size(number: int) -> bytes:
        return bytes([number]) if number < 128 else bytes([number & 127 | 128]) + size(number >> 7)

    content = external().SerializeToString()
    content = b"\x2a" + size(len(content)) + content
    for _ in range(20_000):
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            content = tag + size(len(content)) + content
    assert external_files(b"\x3a" + size(len(content)) + content) == {SECRET}


@given(st.binary(max_size=300))
def test_any_bytes_are_walked_or_refused_with_a_typed_error(content: bytes) -> None:
    for whole in (content, b"\x3a\x00" + content):
        with contextlib.suppress(ModelError):
            check_external(whole, "x")


def test_damage_never_hides_a_file_from_the_walk_that_onnx_would_see() -> None:
    generator = random.Random(0)
    refused = 0
    for place in PLACES.values():
        whole = place()
        for _ in range(200):
            content = bytearray(whole)
            for _ in range(generator.randrange(1, 3)):
                content[generator.randrange(len(content))] = generator.randrange(256)
            try:
                found = external_files(bytes(content))
            except ValueError:
                refused += 1
                continue
            try:
                model = onnx.load_from_string(bytes(content))
            except Exception:
                continue  # what cannot be read opens no files
            assert named_by_onnx(model) <= found
    assert 0 < refused < 200 * len(PLACES)


def named_by_onnx(message: Any) -> set[str]:
    """The same by protobuf's own reader."""
    named = set()
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in value if field.is_repeated else [value]:
            named |= named_by_onnx(each)
            if isinstance(message, TensorProto) and field.name == "external_data" and each.key == "location":
                value = each.value
                # Text that is not UTF-8 comes as bytes.
                named.add(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)
    return named


def test_openvino_is_not_given_a_graph_that_reads_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(shutil.copytree(BUNDLED / "shapes", tmp_path / "model"))
    here = tmp_path / "here"
    here.mkdir()
    (here / "secret").write_bytes(bytes(8))
    monkeypatch.chdir(here)
    path = folder / "graphs" / "alignment_head.onnx"
    graph = onnx.load(path)
    graph.graph.initializer.append(external(location="secret"))
    path.write_bytes(graph.SerializeToString())
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["graphs/alignment_head.onnx"] = hashlib.sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    engine = OpenVinoEngine(ModelFolder(folder), EngineOptions(cache_dir=tmp_path / "cache"))
    with pytest.raises(ModelError, match=r"alignment_head\.onnx takes values from another file.*got secret"):
        engine._stage("alignment_head")
