"""The ranges of what enters a stage's products, observed on inputs in fp32: what `Int8Ranges` are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.openvino_core import openvino_core
from videobert.engines.openvino_int8 import inputs_axis, products_of, value_key, weight_of
from videobert.engines.range_rules import Magnitudes, RangeRule
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.int8_ranges import Int8Ranges

_DIGITS = 5
# No scale is smaller, whatever was never seen to be other than 0.
_LEAST = 1e-5

# What a stage is given: its one input, or its inputs by name.
StageInputs = npt.NDArray[Any] | Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedStage:
    """What entered the products of a stage.

    Args:
        graph: sha256 of its portable graph.
        keys: for each product the name of what enters it; products of a layer may share it.
        seen: magnitudes by that name.
        rows: for each value that enters matrices, the largest magnitude of their weights by input.
    """

    graph: str
    keys: Mapping[str, tuple[str, int]]
    seen: Mapping[tuple[str, int], Magnitudes]
    rows: Mapping[tuple[str, int], npt.NDArray[np.float32]]

    def ranges(self, rule: RangeRule = "largest", smooth: float | None = None) -> Int8Ranges:
        """Ranges of every product's input.

        Args:
            rule: which of the magnitudes seen becomes the range; the largest where there are scales.
            smooth: scales for the inputs of matrices, SmoothQuant's (arXiv 2211.10438, equation 4) with this power of
                the largest magnitude, 0 to 1; None for none.
        """
        tops: dict[tuple[str, int], float] = {}
        scales: dict[tuple[str, int], tuple[float, ...]] = {}
        for key, each in self.seen.items():
            top = each.top(rule)
            if smooth is not None and key in self.rows and each.columns is not None:
                found = _scales(each.columns, self.rows[key], smooth)
                scales[key], top = tuple(map(float, found)), float((each.columns / found).max())
            tops[key] = rounded(-top if each.signed else top)
        return Int8Ranges(
            graph=self.graph,
            tops={name: tops[key] for name, key in self.keys.items()},
            scales={name: scales[key] for name, key in self.keys.items() if key in scales},
        )


def observed_ranges(
    folder: ModelFolder, stage: str, inputs: Iterable[StageInputs], rule: RangeRule = "largest"
) -> Int8Ranges:
    """The range of every product's input, and whether it has both signs; see `observe` and `ObservedStage.ranges`."""
    return observe(folder, stage, inputs).ranges(rule)


def observe(folder: ModelFolder, stage: str, inputs: Iterable[StageInputs]) -> ObservedStage:
    """Run a stage in fp32 and look at what enters its products.

    Args:
        folder: the model.
        stage: one of its stages.
        inputs: what it is given, at least once.

    Raises:
        ModelError: the folder has no graph of that stage.
    """
    name = portable_graph(stage)
    core = openvino_core()
    model = core.read_model(folder.read(name))
    products = products_of(model)
    users: dict[tuple[str, int], list[Any]] = {}
    for node in products.values():
        users.setdefault(value_key(node), []).append(node)
    rows = {key: _rows(nodes) for key, nodes in users.items() if all(inputs_axis(node) is not None for node in nodes)}
    keys = {each: value_key(node) for each, node in products.items()}
    known = len(model.outputs)
    model.add_outputs([nodes[0].input_value(0) for nodes in users.values()])
    compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    seen = {key: Magnitudes() for key in users}
    for given in inputs:
        found = compiled(dict(given) if isinstance(given, Mapping) else [given])
        for place, key in enumerate(users, known):
            seen[key].add(found[place], columns=key in rows)
    return ObservedStage(graph=folder.digest(name), keys=keys, seen=seen, rows=rows)


def _rows(nodes: list[Any]) -> npt.NDArray[np.float32]:
    found = []
    for node in nodes:
        weight = np.abs(weight_of(node))
        axis = inputs_axis(node)
        found.append(weight.max(axis=tuple(each for each in range(weight.ndim) if each != axis)))
    most: npt.NDArray[np.float32] = np.max(found, axis=0)
    return most


def _scales(columns: npt.NDArray[np.float32], rows: npt.NDArray[np.float32], power: float) -> npt.NDArray[np.float32]:
    found = np.maximum(columns, _LEAST) ** power / np.maximum(rows, _LEAST) ** (1 - power)
    # The digits that JSON has: what is used is what is stored.
    return np.array([rounded(float(each)) for each in np.maximum(found, _LEAST)], np.float32)


def rounded(value: float) -> float:
    """To the digits that are stored."""
    return float(f"{value:.{_DIGITS}g}")
