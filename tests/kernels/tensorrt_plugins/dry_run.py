"""Builds what a TensorRT builder would ask of the plugins, with the real Python bindings and no library behind them.

usage: python dry_run.py CAPABILITY CASES.json ANSWERS.json
(`tensorrt_bindings` importable, empty libraries of the names that it links on LD_LIBRARY_PATH)

A case has `plugin`, `inputs` (a list of [type, shape]; -1 is an open length), `rows` (what open lengths are here, and
at most), `attributes`; an answer has `outputs`, `entry`, `ptx`, `grid`, `block`, `shared`, `integers`, or `refused`.
The classes that call our functions are TensorRT's own; only dimensions, which its library computes, are ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tensorrt_bindings

sys.modules["tensorrt"] = tensorrt_bindings
import tensorrt_bindings.plugin as trtp  # noqa: E402

sys.modules["tensorrt.plugin"] = trtp
from tensorrt_bindings.plugin import _lib, _plugin_class, _tensor  # noqa: E402

from videobert_kernels.tensorrt_plugins import NAMESPACE, register_plugins  # noqa: E402

trt: Any = tensorrt_bindings


class Dimension:
    """A length, known or open, with the value that it has in this run."""

    def __init__(self, value: int, known: bool = True) -> None:
        self.value, self.known = int(value), known

    def is_constant(self) -> bool:
        return self.known

    def get_constant_value(self) -> int:
        if not self.known:
            raise RuntimeError("the value of an open length was read")
        return self.value


class Expressions:
    """Arithmetic on lengths."""

    def constant(self, value: int) -> Dimension:
        return Dimension(value)

    def operation(self, operation: Any, a: Dimension, b: Dimension) -> Dimension:
        compute = {
            "SUM": lambda: a.value + b.value,
            "SUB": lambda: a.value - b.value,
            "PROD": lambda: a.value * b.value,
            "CEIL_DIV": lambda: -(-a.value // b.value),
            "FLOOR_DIV": lambda: a.value // b.value,
        }[operation.name]
        return Dimension(compute(), a.known and b.known)


class Integer:
    """What stands for a scalar parameter."""

    def __init__(self, expression: Any) -> None:
        self.value = expression._expr.value


def main() -> None:
    trt.IDimensionExpr = Dimension
    _tensor.SymExprImpl = Integer
    trt.DimsExprs = lambda length: [None] * length
    capability = int(sys.argv[1])
    names = register_plugins(capability, lazy=True)
    answers = []
    for case in json.loads(Path(sys.argv[2]).read_text()):
        try:
            answers.append(run(case))
        except ValueError as error:
            answers.append({"refused": str(error), "type": type(error).__name__})
    try:
        register_plugins(capability, lazy=True)
    except ValueError as error:
        twice = str(error)
    said = {"version": trt.__version__, "names": names, "twice": twice, "answers": answers}
    Path(sys.argv[3]).write_text(json.dumps(said))


def run(case: dict[str, Any]) -> dict[str, Any]:
    definition = _lib.QDP_REGISTRY[f"{NAMESPACE}::{case['plugin']}"]
    plugin = _plugin_class._TemplateAOTPlugin(case["plugin"], NAMESPACE, definition.num_outputs)
    launched = definition.aot_impl_func
    plugin.init(definition.register_func, case["attributes"], definition.aot_impl_attr_names, launched, None, None)
    types = [getattr(trt.DataType, kind) for kind, _ in case["inputs"]]
    shapes = [shape for _, shape in case["inputs"]]
    output_types = plugin.get_output_data_types(types, [len(shape) for shape in shapes])
    sizes = [[Dimension(case["rows"] if n < 0 else n, n >= 0) for n in shape] for shape in shapes]
    builder = Expressions()
    output_sizes = plugin.get_output_shapes(sizes, [], builder)
    open_shapes = [*shapes, *([n.value if n.known else -1 for n in size] for size in output_sizes)]
    described = []
    for kind, shape in zip([*types, *output_types], open_shapes, strict=True):
        each = trt.DynamicPluginTensorDesc()
        inner = each.desc
        inner.type, inner.format = kind, trt.TensorFormat.LINEAR
        inner.dims = shape
        each.desc = inner
        for name in ("min", "opt", "max"):
            setattr(each, name, trt.Dims([case["rows"] if n < 0 else n for n in shape]))
        described.append(each)
    plugin.set_tactic(0)
    params, integers = Recorded(), Recorded()
    plugin.get_launch_params(sizes, described, len(types), params, integers, builder)
    entry, ptx = plugin.get_kernel(
        [each.desc for each in described[: len(types)]], [each.desc for each in described[len(types) :]]
    )
    return {
        "outputs": [
            [kind.name, [n.value for n in size]] for kind, size in zip(output_types, output_sizes, strict=True)
        ],
        "entry": entry,
        "ptx": ptx.decode(),
        "grid": [params.grid_x.value, params.grid_y.value, params.grid_z.value],
        "block": [params.block_x.value, params.block_y.value, params.block_z.value],
        "shared": params.shared_mem.value,
        "integers": [integers.items[index].value for index in range(integers.nbSymExprs)],
    }


class Recorded:
    """Keeps what is set on it."""

    def __init__(self) -> None:
        self.items: dict[int, Integer] = {}

    def __setitem__(self, index: int, value: Integer) -> None:
        self.items[index] = value


if __name__ == "__main__":
    main()
