"""Faults of a model repository that the server would only find when it starts, or when a request comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from videobert.base.errors import EngineUnavailable, ModelError
from videobert.serve.triton.graph_signature import Port, Signature, signature_of
from videobert.serve.triton.model_config import DATA_TYPES
from videobert.serve.triton.pipeline_signature import signature_of_pipeline
from videobert.serve.triton.requirement import INSTALL

_FILES = {"onnxruntime": "model.onnx", "tensorrt": "model.plan", "dali": "model.dali"}
# A TensorRT plan does not say what it takes to whoever has no TensorRT.
_SIGNATURES: Mapping[str, Callable[[bytes, str], Signature]] = {
    "model.onnx": signature_of,
    "model.dali": signature_of_pipeline,
}
_CONFIG_BYTES = 1 << 20


def lint(repository: Path) -> list[str]:
    """Every fault found, one line each; an empty list is a repository that should load.

    Checked: each configuration against the protobuf that Triton's own client ships; names, version folders and files;
    inputs and outputs of every ONNX graph and DALI pipeline against their configuration, both ways: none missing, none
    too many, types, dims and batches; an ensemble's wiring: every input mapped, every tensor made before it is used and
    used once it is made, and types, dims and batches equal along each edge.

    Raises:
        EngineUnavailable: Triton's client library is not installed.
        ModelError: there is no repository.
    """
    if not repository.is_dir():
        raise ModelError("this is not a model repository", seen=str(repository), fix="Check the path.")
    faults: list[str] = []
    configs: dict[str, Any] = {}
    for folder in sorted(path for path in repository.iterdir() if path.is_dir()):
        config = _parsed(folder, faults)
        if config is not None:
            configs[folder.name] = config
            faults += [f"{folder.name}: {fault}" for fault in _model_faults(folder, config)]
    for config in configs.values():
        if config.HasField("ensemble_scheduling"):
            faults += [f"{config.name}: {fault}" for fault in _ensemble_faults(config, configs)]
    if not configs and not faults:
        faults.append("the repository has no model")
    return faults


def _parsed(folder: Path, faults: list[str]) -> Any:
    try:
        from google.protobuf import text_format
        from tritonclient.grpc import model_config_pb2
    except ImportError as error:
        raise EngineUnavailable(
            "a model repository cannot be checked here", seen=str(error), fix=f"Run `{INSTALL}`."
        ) from error
    path = folder / "config.pbtxt"
    try:
        with path.open("rb") as file:
            text = file.read(_CONFIG_BYTES + 1)
        if len(text) > _CONFIG_BYTES:
            raise ValueError(f"more than {_CONFIG_BYTES} bytes")
        return text_format.Parse(text, model_config_pb2.ModelConfig())
    except (OSError, ValueError, text_format.ParseError) as error:
        faults.append(f"{folder.name}: config.pbtxt cannot be read: {error}")
        return None


def _model_faults(folder: Path, config: Any) -> Iterator[str]:
    if config.name != folder.name:
        yield f"its configuration is called {config.name!r}"
    versions = [path for path in folder.iterdir() if path.is_dir()]
    for path in versions:
        if not path.name.isdecimal() or path.name.startswith("0"):
            yield f"version folder {path.name!r} is not a number above 0"
    if not versions:
        yield "it has no version folder"
    for group, tensors in (("input", config.input), ("output", config.output)):
        names = [tensor.name for tensor in tensors]
        yield from (f"{group} {name} stands twice" for name in sorted({n for n in names if names.count(n) > 1}))
        yield from (f"{group} {tensor.name} has no dims" for tensor in tensors if not tensor.dims)
    if config.HasField("ensemble_scheduling"):
        return
    wanted = _FILES.get(config.backend)
    if wanted is None:
        yield f"backend {config.backend!r} is none of {', '.join(_FILES)}"
        return
    for version in versions:
        file = version / wanted
        if not file.is_file() or not file.stat().st_size:
            yield f"{version.name}/{wanted} is missing or empty"
        elif wanted in _SIGNATURES:
            yield from _graph_faults(file, config)


def _graph_faults(file: Path, config: Any) -> Iterator[str]:
    try:
        signature = _SIGNATURES[file.name](file.read_bytes(), file.name)
    except (ModelError, OSError) as error:
        yield str(error)
        return
    for group, tensors, ports in (
        ("input", config.input, signature.inputs),
        ("output", config.output, signature.outputs),
    ):
        by_name = {port.name: port for port in ports}
        yield from (f"the graph's {group} {name} is not listed" for name in by_name if name not in _names(tensors))
        for tensor in tensors:
            port = by_name.get(tensor.name)
            if port is None:
                yield f"the graph has no {group} {tensor.name}"
            else:
                yield from _port_faults(group, tensor, port, config.max_batch_size)


def _port_faults(group: str, tensor: Any, port: Port, most: int) -> Iterator[str]:
    if _type_name(tensor.data_type) != DATA_TYPES[port.dtype]:
        yield f"{group} {tensor.name} is {_type_name(tensor.data_type)}, the graph's is {DATA_TYPES[port.dtype]}"
    shape = tuple(tensor.reshape.shape) if tensor.HasField("reshape") else tuple(tensor.dims)
    batch, dims = (port.dims[:1], port.dims[1:]) if most else ((), port.dims)
    if most and not batch:
        yield f"{group} {tensor.name} has no axis for a batch in the graph, the configuration allows {most}"
    elif not _fits(shape, dims):
        yield f"{group} {tensor.name} has dims {list(shape)}, the graph's are {list(dims)}"
    if batch and batch[0] not in (-1, most):
        yield f"{group} {tensor.name} has batch {batch[0]} in the graph, the configuration allows {most}"


def _fits(first: Iterable[int], second: Iterable[int]) -> bool:
    one, other = tuple(first), tuple(second)
    return len(one) == len(other) and all(a == b or -1 in (a, b) for a, b in zip(one, other, strict=True))


def _ensemble_faults(config: Any, configs: dict[str, Any]) -> Iterator[str]:
    made = {tensor.name: _Edge(tensor.name, tensor, config) for tensor in config.input}
    used: set[str] = set()
    for step in config.ensemble_scheduling.step:
        model = configs.get(step.model_name)
        if model is None:
            yield f"no model is called {step.model_name}"
            continue
        if config.max_batch_size > model.max_batch_size:
            yield f"batches of {config.max_batch_size} are more than {model.name} takes ({model.max_batch_size})"
        inputs = {tensor.name: tensor for tensor in model.input}
        outputs = {tensor.name: tensor for tensor in model.output}
        for name, tensor in inputs.items():
            if name not in step.input_map and not tensor.optional:
                yield f"input {name} of {model.name} is not mapped"
        for name, source in step.input_map.items():
            used.add(source)
            if name not in inputs:
                yield f"{model.name} has no input {name}"
            elif source not in made:
                yield f"{source} is used by {model.name} before it is made"
            else:
                yield from _Edge(f"{model.name}.{name}", inputs[name], model).faults(made[source])
        for name, target in step.output_map.items():
            if name not in outputs:
                yield f"{model.name} has no output {name}"
            elif target in made:
                yield f"{target} is made twice"
            else:
                made[target] = _Edge(target, outputs[name], model)
    for tensor in config.output:
        used.add(tensor.name)
        if tensor.name not in made:
            yield f"output {tensor.name} is never made"
        else:
            yield from _Edge(f"output {tensor.name}", tensor, config).faults(made[tensor.name])
    yield from (f"{name} is used by no step and is no output" for name in made if name not in used)


class _Edge(NamedTuple):
    """One end of an ensemble's wire: what it is called in messages, and the tensor of the model that has it."""

    called: str
    tensor: Any
    model: Any

    @property
    def dims(self) -> list[int]:
        """As the ensemble passes it on: the batch, where the model has one, is an axis like the others."""
        return [-1] * bool(self.model.max_batch_size) + list(self.tensor.dims)

    def faults(self, given: _Edge) -> Iterator[str]:
        """What keeps `given` from being passed to this end."""
        if self.tensor.data_type != given.tensor.data_type:
            wanted, found = _type_name(self.tensor.data_type), _type_name(given.tensor.data_type)
            yield f"{self.called} is {wanted}, {given.called} is {found}"
        if bool(self.model.max_batch_size) != bool(given.model.max_batch_size):
            if not _fits(self.dims, given.dims):
                yield f"{self.called} has dims {self.dims} with its batch, {given.called} has {given.dims}"
        elif not _fits(self.tensor.dims, given.tensor.dims):
            yield f"{self.called} has dims {list(self.tensor.dims)}, {given.called} has {list(given.tensor.dims)}"


def _names(tensors: Any) -> set[str]:
    return {tensor.name for tensor in tensors}


def _type_name(number: int) -> str:
    from tritonclient.grpc import model_config_pb2

    return str(model_config_pb2.DataType.Name(number))
