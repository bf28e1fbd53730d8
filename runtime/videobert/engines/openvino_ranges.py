"""The ranges of what enters a stage's products, observed on inputs in fp32: what `Int8Ranges` are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.offline_imports import openvino_library
from videobert.engines.openvino_int8 import products_of
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.int8_ranges import Int8Ranges

_DIGITS = 5
_LEAST = 1e-6


def observed_ranges(folder: ModelFolder, stage: str, inputs: Iterable[npt.NDArray[Any]]) -> Int8Ranges:
    """The largest magnitude of every product's input, and whether it has both signs.

    Args:
        folder: the model.
        stage: one of its stages that has one input.
        inputs: what it is given, at least one array.

    Raises:
        ModelError: the folder has no graph of that stage.
    """
    name = portable_graph(stage)
    core = openvino_library().Core()
    model = core.read_model(folder.read(name))
    products = products_of(model)
    values: dict[tuple[str, int], Any] = {}
    for node in products.values():
        values.setdefault(_key(node), node.input_value(0))
    known = len(model.outputs)
    model.add_outputs(list(values.values()))
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    least = dict.fromkeys(values, 0.0)
    most = dict.fromkeys(values, _LEAST)
    for array in inputs:
        found = compiled([array])
        for place, key in enumerate(values, known):
            value = found[place]
            least[key], most[key] = min(least[key], float(value.min())), max(most[key], float(np.abs(value).max()))
    tops = {
        each: _rounded(most[key] if least[key] >= 0 else -most[key])
        for each, node in products.items()
        if (key := _key(node))
    }
    return Int8Ranges(graph=folder.digest(name), tops=tops)


def _key(node: Any) -> tuple[str, int]:
    value = node.input_value(0)
    return value.get_node().get_friendly_name(), value.get_index()


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
