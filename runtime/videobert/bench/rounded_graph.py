"""A portable graph that OpenVINO has read: its layers, their values, and what rounding their operands does.

Low precision rounds the operands of a layer and adds in float32 or wider. The same is done here in a float32 graph, by
arithmetic alone, so that the error of plain computing in a precision is known on any machine and for each layer:

- fp16 and bf16 keep 11 and 8 leading bits, fp8 (e4m3) 4: Veltkamp's splitting, `c = x (2^s + 1); c - (c - x)`
  (T. J. Dekker, A floating-point technique for extending the available precision, 1971), which rounds to nearest;
- int8 is rounded to 127 steps of the largest magnitude.

Ranges of exponents are not cut: an overflow is found in the engine's own values, not in these.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from videobert.base.errors import ModelError
from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core

Array = npt.NDArray[Any]
# Leading bits of each type, the hidden one among them; None for whole steps of the largest magnitude.
BITS: Final[Mapping[str, int | None]] = {"fp32": 24, "fp16": 11, "bf16": 8, "fp8": 4, "int8": None}
_STEPS = 127
# What moves numbers and computes none.
_MOVES: Final = frozenset(
    (
        *("Parameter", "Constant", "Result", "Convert", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Split"),
        *("VariadicSplit", "Slice", "StridedSlice", "Concat", "ShapeOf", "Broadcast", "Tile"),
    )
)
# What low precision is for; the rest costs little and follows.
_PRODUCTS: Final = frozenset(("Convolution", "GroupConvolution", "MatMul", "ScaledDotProductAttention"))
# Values of layers that are held at a time.
_CHUNK_BYTES: Final = 128 << 20
# Whatever is less than fp32 stands in bf16 between its quantised products, as in the engine.
_HINTS: Final = {"fp32": "f32", "fp16": "f16"}
Rounding = Callable[[Any, Any], Any]


class RoundedGraph:
    """One stage's graph at the shapes of one call.

    Args:
        content: of the ONNX file.
        inputs: of the call, by name.
        changed: what an engine does to the graph before it compiles it, such as to quantise it.

    Raises:
        ModelError: OpenVINO cannot read the graph, or not at these shapes.
    """

    def __init__(
        self, content: bytes, inputs: Mapping[str, Array], changed: Callable[[Any], object] | None = None
    ) -> None:
        self._content, self._inputs, self._changed = content, dict(inputs), changed
        self._core = openvino_core()
        self._compiled: dict[str, Any] = {}
        self.layers: dict[str, str] = {op.get_friendly_name(): op.get_type_name() for op in _layers(self._read())}

    @property
    def products(self) -> tuple[str, ...]:
        """The names of the layers that multiply, in topological order."""
        return tuple(name for name, kind in self.layers.items() if kind in _PRODUCTS)

    def outputs(self, inputs: Mapping[str, Array], *, rounded_to: str = "fp32") -> list[Array]:
        """The outputs in float32 arithmetic, of operands that every layer rounds.

        Args:
            inputs: of the same shapes as those of the call.
        """
        if rounded_to not in self._compiled:
            graph = self._read()
            if rounded_to != "fp32":
                for op in _layers(graph):
                    _round_operands(op, _rounding(rounded_to))
            self._compiled[rounded_to] = self._compile(graph, "fp32")
        return _infer(self._compiled[rounded_to], inputs)

    def values(self, names: Sequence[str], *, precision: str = "fp32", rounded_to: str = "fp32") -> dict[str, Array]:
        """What layers give.

        Args:
            names: of layers; see `chunks` for how many at a time.
            precision: of the arithmetic, as the engine would have it.
            rounded_to: of operands that every layer rounds before.
        """
        graph = self._read()
        layers = {op.get_friendly_name(): op for op in _layers(graph)}
        if rounded_to != "fp32":
            for op in layers.values():
                _round_operands(op, _rounding(rounded_to))
        # One that is an output already is not added again.
        graph.add_outputs([layers[name].output(0) for name in names])
        made_by = [port.get_node().input_value(0).get_node().get_friendly_name() for port in graph.outputs]
        found = dict(zip(made_by, _infer(self._compile(graph, precision), self._inputs), strict=True))
        return {name: found[name] for name in names}

    def chunks(self) -> Iterator[list[str]]:
        """The names of all layers in topological order, as many at a time as memory is meant to hold."""
        chunk: list[str] = []
        size = 0
        for op in _layers(self._read()):
            shape = op.get_output_partial_shape(0)
            each = 4 * math.prod(shape.to_shape()) if shape.is_static else 0
            if chunk and size + each > _CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
            chunk.append(op.get_friendly_name())
            size += each
        if chunk:
            yield chunk

    def switched(self, precision: str) -> Switched:
        """The graph with a switch for each of its `products`: whether it rounds its operands."""
        graph = self._read()
        ops: Any = openvino_library().opset13
        names = self.products
        switches = ops.parameter([len(names)], np.float32)
        switches.set_friendly_name("switches")
        layers = {op.get_friendly_name(): op for op in _layers(graph)}
        rounding = _rounding(precision)
        for place, name in enumerate(names):
            on = ops.gather(switches, np.array(place, np.int64), np.array(0, np.int64))
            _switch(layers[name], on, rounding)
        graph.add_parameters([switches])
        return Switched(self._compile(graph, "fp32"), self._inputs, names)

    def _read(self) -> Any:
        try:
            graph = self._core.read_model(self._content)
            graph.reshape({name: list(array.shape) for name, array in self._inputs.items()})
            if self._changed is not None:
                self._changed(graph)
        except RuntimeError as error:
            raise ModelError(
                "a graph cannot be looked into", seen=str(error).strip().rsplit("\n", 1)[-1], fix="Export it again."
            ) from error
        return graph

    def _compile(self, graph: Any, precision: str) -> Any:
        settings = {"INFERENCE_PRECISION_HINT": _HINTS.get(precision, "bf16"), "PERFORMANCE_HINT": "LATENCY"}
        return self._core.compile_model(graph, "CPU", settings)


class Switched:
    """A compiled graph whose products round their operands where a switch is on.

    Attributes:
        names: of the products, one for each switch.
    """

    def __init__(self, compiled: Any, inputs: Mapping[str, Array], names: Sequence[str]) -> None:
        self._request, self._inputs, self.names = compiled.create_infer_request(), dict(inputs), tuple(names)
        self._place = {next(iter(port.get_names()), ""): index for index, port in enumerate(compiled.inputs)}
        self._last = len(compiled.inputs) - 1

    def output(self, on: Sequence[bool]) -> Array:
        """The first output with these switches on."""
        given = {self._place[name]: array for name, array in self._inputs.items()}
        given[self._last] = np.asarray(on, np.float32)
        return np.array(self._request.infer(given)[0])


def _infer(compiled: Any, inputs: Mapping[str, Array]) -> list[Array]:
    found = compiled.create_infer_request().infer(dict(inputs))
    return [np.array(found[place]) for place in range(len(compiled.outputs))]


def _layers(graph: Any) -> list[Any]:
    """What computes floating-point numbers from the inputs, in topological order."""
    found, moved = [], set()
    for op in graph.get_ordered_ops():
        kind, name = op.get_type_name(), op.get_friendly_name()
        feeds = (op.input_value(place).get_node().get_friendly_name() for place in range(op.get_input_size()))
        if kind != "Parameter" and not any(each in moved for each in feeds):
            continue
        moved.add(name)
        named = op.get_output_size() and op.output(0).get_names()
        if named and kind not in _MOVES and _is_float(op.output(0)):
            found.append(op)
    return found


def _is_float(port: Any) -> bool:
    return bool(port.get_element_type() == openvino_library().Type.f32)


def _rounding(precision: str) -> Rounding:
    """A function of a library of operations and a tensor: the tensor rounded."""
    bits = BITS[precision]
    if bits is None:
        return _to_steps
    split = np.float32(2 ** (BITS["fp32"] - bits) + 1) if bits < 24 else None  # type: ignore[operator]

    def rounded(ops: Any, value: Any) -> Any:
        if split is None:
            return value
        scaled = ops.multiply(value, split)
        return ops.subtract(scaled, ops.subtract(scaled, value))

    return rounded


def _to_steps(ops: Any, value: Any) -> Any:
    rank = value.get_partial_shape().rank.get_length()
    largest = ops.reduce_max(ops.absolute(value), np.arange(rank), keep_dims=rank > 0)
    step = ops.divide(ops.maximum(largest, np.float32(1e-30)), np.float32(_STEPS))
    return ops.multiply(ops.round(ops.divide(value, step), "half_to_even"), step)


def _round_operands(op: Any, rounding: Rounding) -> None:
    ops: Any = openvino_library().opset13
    for place in range(op.get_input_size()):
        value = op.input_value(place)
        if _is_float(value):
            op.input(place).replace_source_output(rounding(ops, value).output(0))


def _switch(op: Any, on: Any, rounding: Rounding) -> None:
    """Let a product round its operands where `on` is 1; weights stay constants, as kernels want them.

    `(x + on dx) (w + on dw)` is `x' w + on (x' dw)`.
    """
    ops: Any = openvino_library().opset13
    values = [op.input_value(place) for place in range(op.get_input_size())]
    weights = [place for place, value in enumerate(values) if _is_constant(value)]
    for place, value in enumerate(values):
        if _is_float(value) and place not in weights:
            change = ops.subtract(rounding(ops, value), value)
            op.input(place).replace_source_output(ops.add(value, ops.multiply(change, on)).output(0))
    if op.get_type_name() == "ScaledDotProductAttention" or not weights:
        return
    targets = op.output(0).get_target_inputs()
    names = op.output(0).get_names()
    beside = _same_product(
        op,
        [
            ops.subtract(rounding(ops, value), value) if place in weights else op.input_value(place)
            for place, value in enumerate(values)
        ],
    )
    both = ops.add(op.output(0), ops.multiply(beside.output(0), on))
    for target in targets:
        target.replace_source_output(both.output(0))
    both.output(0).add_names(names)


def _same_product(op: Any, operands: Sequence[Any]) -> Any:
    ops: Any = openvino_library().opset13
    told = op.get_attributes()
    if op.get_type_name() == "MatMul":
        return ops.matmul(*operands, told["transpose_a"], told["transpose_b"])
    make = ops.convolution if op.get_type_name() == "Convolution" else ops.group_convolution
    places = (told[name] for name in ("strides", "pads_begin", "pads_end", "dilations"))
    return make(*operands, *places, told["auto_pad"])


def _is_constant(value: Any) -> bool:
    """Whether it depends on no input, such as a weight that is converted."""
    node = value.get_node()
    if node.get_type_name() == "Constant":
        return _is_float(value)
    return node.get_type_name() == "Convert" and _is_constant_any(node.input_value(0))


def _is_constant_any(value: Any) -> bool:
    return bool(value.get_node().get_type_name() == "Constant")
