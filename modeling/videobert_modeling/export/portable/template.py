"""Templates of graphs, see `videobert.get.graph_template`, made of graphs that were exported with random weights."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, TensorProto, numpy_helper

from videobert.base.errors import VideoBertError
from videobert.get.graph_template import GraphTemplate
from videobert.get.template_hole import SHARED_ELEMENTS, Hole, NormFactor, Weight
from videobert_modeling.export.raw_data_places import raw_data_places

Array = npt.NDArray[Any]
_DTYPES = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}
_NORM_PARTS: tuple[Literal["scale", "shift"], ...] = ("scale", "shift")


def random_tensors(shapes: Mapping[str, tuple[int, ...]], seed: int) -> dict[str, Array]:
    """Weights as a model folder that was got has them: float16 with two or more axes, float32 with one.

    None is zero everywhere, those with one axis do not fit float16 and are positive, as a variance must be: the
    exporter writes what it writes for weights that mean something.
    """
    drawn: dict[str, Array] = {}
    for index, (name, shape) in enumerate(sorted(shapes.items())):
        random = np.random.default_rng((seed, index))
        if len(shape) < 2:
            drawn[name] = random.uniform(0.5, 1.5, shape).astype(np.float32)
        else:
            drawn[name] = random.normal(0, 0.05, shape).astype(np.float16)
    return drawn


def template_of(content: bytes, tensors: Mapping[str, Array], norms: Mapping[bytes, NormFactor]) -> GraphTemplate:
    """The template of a graph: every initialiser that is a tensor of the model, or part of one, becomes a hole.

    Args:
        content: of the exported graph.
        tensors: the random weights that it was exported with, as `model.safetensors` would have them.
        norms: see `norm_factors`, for a graph in low precision.
    """
    graph = onnx.load_from_string(content).graph
    places = raw_data_places(content)
    biases = {node.input[2] for node in graph.node if node.op_type == "Conv" and len(node.input) == 3}
    known = _KnownTensors(tensors)
    holes, constants = [], []
    for tensor in graph.initializer:
        if tensor.data_type not in _DTYPES or tensor.name not in places:
            continue
        value = numpy_helper.to_array(tensor)
        source = known.find(value) or norms.get(tensor.raw_data)
        if source is None:
            constants.append(value)
            continue
        holes.append(
            Hole(
                offset=places[tensor.name][0],
                dtype=_DTYPES[tensor.data_type],
                shape=value.shape,
                source=source,
                zero_is_dropped=tensor.name in biases,
            )
        )
    return GraphTemplate.of(content, [_beside(hole, constants) for hole in holes])


def norm_factors(portable: ModelProto, tensors: Mapping[str, Array]) -> dict[bytes, NormFactor]:
    """What a graph in low precision has in place of each BatchNormalization of the portable graph, by its bytes."""
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in portable.graph.initializer}
    known = _KnownTensors(tensors)
    found = {}
    for node in portable.graph.node:
        if node.op_type != "BatchNormalization":
            continue
        sources = [known.find(values[name]) for name in node.input[1:]]
        names = [source.tensor for source in sources if source is not None]
        if len(names) != len(sources):
            raise _unknown(node.name)
        gain, bias, mean, variance = names
        for part in _NORM_PARTS:
            factor = NormFactor(
                part=part,
                gain=gain,
                bias=bias,
                mean=mean,
                variance=variance,
                channels=values[node.input[1]].size,
                epsilon=next(attribute.f for attribute in node.attribute if attribute.name == "epsilon"),
            )
            found[factor.value(tensors).tobytes()] = factor
    return found


class _KnownTensors:
    """The tensors of a model, found again by their values."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self._by_digest: dict[bytes, Weight] = {}
        for name, value in tensors.items():
            if value.ndim == 2:
                self._by_digest[_digest(value.T)] = Weight(tensor=name, shape=value.shape, axes=(1, 0))
            self._by_digest[_digest(value)] = Weight(tensor=name, shape=value.shape)

    def find(self, value: Array) -> Weight | None:
        """The tensor that has these values in this order, whole or in part; None if there is none."""
        return self._by_digest.get(_digest(value)) or self._rows(value)

    def _rows(self, value: Array) -> Weight | None:
        if value.ndim == 0 or value.size == 0:
            return None
        for name, whole in self._tensors.items():
            if whole.shape[1:] != value.shape[1:] or len(whole) <= len(value):
                continue
            for start in np.flatnonzero((whole == value[0]).reshape(len(whole), -1).all(axis=1)):
                rows = (int(start), int(start) + len(value))
                if np.array_equal(whole[slice(*rows)], value):
                    return Weight(tensor=name, shape=whole.shape, rows=rows)
        return None


def _digest(value: Array) -> bytes:
    return hashlib.sha256(value.astype("<f4").tobytes()).digest()


def _beside(hole: Hole, constants: Iterable[Array]) -> Hole:
    """The hole with the constants that its tensor must not be equal to."""
    same = sorted({each.astype("<f4").tobytes() for each in constants if each.shape == hole.shape})
    return dataclasses.replace(hole, constants=tuple(same)) if hole.elements <= SHARED_ELEMENTS else hole


def _unknown(node: str) -> VideoBertError:
    return VideoBertError(
        "a BatchNormalization of a graph has a value that is no tensor of the model",
        seen=node,
        fix="Keep its statistics as they are in model.safetensors.",
    )
