"""What 8 bits cost each product by itself: it runs on 8-bit values beside itself in fp32, on the same inputs in fp32.

The mean of the difference, by output, is what bias correction takes away (arXiv 1906.04721, section 4.2); the share of
the output that the difference is tells which products are worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.offline_imports import openvino_library
from videobert.base.openvino_core import openvino_core
from videobert.engines.openvino_int8 import outputs_axis, products_of, quantise_products
from videobert.engines.openvino_ranges import StageInputs, rounded
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.int8_ranges import Int8Ranges

_LEAST = 1e-30


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductError:
    """Of one product.

    Args:
        shift: float32 `(outputs,)`: the mean of fp32's output less that on 8-bit values.
        share: mean square of the difference, as a share of that of the output.
    """

    shift: npt.NDArray[np.float32]
    share: float


def product_errors(
    folder: ModelFolder, stage: str, ranges: Int8Ranges, inputs: Iterable[StageInputs]
) -> dict[str, ProductError]:
    """Errors of the products that `ranges` names; its shifts must be empty.

    Args:
        inputs: what the stage is given, at least once.

    Raises:
        ModelError: the folder has no graph of that stage, or another one than the ranges are of.
    """
    name = portable_graph(stage)
    library = openvino_library()
    core, content = openvino_core(), folder.read(name)
    model, twin = core.read_model(content), core.read_model(content)
    true, small = products_of(model), products_of(twin)
    for each, node in true.items():
        small[each].input(0).replace_source_output(node.input_value(0))
    quantise_products(small, ranges, name)
    results = [value for each in ranges.tops for value in _sums(true[each], small[each])]
    both = library.Model(results, model.get_parameters(), name)
    compiled = core.compile_model(both, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    sums: list[npt.NDArray[np.float64]] = []
    count = 0
    for given in inputs:
        found = compiled(dict(given) if isinstance(given, Mapping) else [given])
        each_sum = [found[place].astype(np.float64) for place in range(len(results))]
        sums = [one + other for one, other in zip(sums, each_sum, strict=True)] if sums else each_sum
        count += 1
    return {
        each: ProductError(
            shift=(sums[3 * place] / count).astype(np.float32),
            share=float(sums[3 * place + 1] / max(float(sums[3 * place + 2]), _LEAST)),
        )
        for place, each in enumerate(ranges.tops)
    }


def bias_corrected(folder: ModelFolder, stage: str, ranges: Int8Ranges, inputs: Iterable[StageInputs]) -> Int8Ranges:
    """The same ranges with the shifts that take the mean errors away; see `product_errors`."""
    errors = product_errors(folder, stage, ranges, inputs)
    shifts = {name: tuple(rounded(float(each)) for each in error.shift) for name, error in errors.items()}
    return replace(ranges, shifts=shifts)


def _sums(true: Any, small: Any) -> list[Any]:
    """Means of the difference by output, of its square, and of the square of what is true."""
    opset = openvino_library().opset13
    difference = opset.subtract(true.output(0), small.output(0))
    rank = len(true.output(0).get_partial_shape())
    others = np.array([axis for axis in range(rank) if axis != outputs_axis(true)], np.int64)
    return [
        opset.reduce_mean(difference, others),
        *(opset.reduce_mean(opset.multiply(each, each), np.arange(rank)) for each in (difference, true)),
    ]
