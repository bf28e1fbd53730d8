"""Stages of two opened models on the very same inputs: those that the stages of the first had on a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from videobert.base.errors import VideoBertError
from videobert.bench.recorded_calls import Call
from videobert.bench.rounded_graph import RoundedGraph
from videobert.bench.tolerance import judged, lower_of, share_apart
from videobert.engines.base import Engine
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.places import real_places
from videobert.model.stage import StageSpec
from videobert.results.compare import Apart


class Opened(NamedTuple):
    """A model folder and the engine that runs it."""

    folder: ModelFolder
    engine: Engine

    def precision_of(self, spec: StageSpec) -> str:
        """Of the arithmetic of a stage, which is not that of every other where the engine is free to choose."""
        if isinstance(self.engine, OpenVinoEngine):
            return self.engine.precision_of(spec.name)
        return self.engine.precision


class StageFound(NamedTuple):
    """A stage that was compared.

    Args:
        apart: its output that is furthest beyond what is allowed.
        worst: the call that was furthest.
    """

    spec: StageSpec
    apart: Apart
    worst: Call


def compare_stage(spec: StageSpec, a: Opened, b: Opened, calls: Sequence[Call]) -> StageFound:
    """One stage on recorded calls of A.

    Raises:
        VideoBertError: B cannot run the stage on these inputs.
    """
    graphs: dict[tuple[object, ...], RoundedGraph] = {}
    found = [_compare_call(spec, a, b, call, graphs) for call in calls]
    return max(found, key=lambda each: each.apart.relative / each.apart.allowed)


def _compare_call(
    spec: StageSpec, a: Opened, b: Opened, call: Call, graphs: dict[tuple[object, ...], RoundedGraph]
) -> StageFound:
    theirs = b.engine.run_all(spec.name, **call.inputs)
    plain = _plain_errors(spec, a, b, call, graphs)
    several = len(spec.outputs) > 1
    rows = []
    for tensor in spec.outputs:
        real = real_places(spec, tensor, call.inputs)
        exact, other = (outputs[tensor.name] for outputs in (call.outputs, theirs))
        if real is not None:
            exact, other = exact[real], other[real]
        name = f"{spec.name}.{tensor.name}" if several else spec.name
        precisions = (a.precision_of(spec), b.precision_of(spec))
        # The rule is about what an output is called, whatever the stage is.
        told = judged(tensor.name, None, share_apart(exact, other), precisions, plain.get(tensor.name, 0.0))
        rows.append(
            Apart(name=name, max_abs=told.max_abs, relative=told.relative, allowed=told.allowed, agrees=told.agrees)
        )
    return StageFound(spec, max(rows, key=lambda row: row.relative / row.allowed), call)


def _plain_errors(
    spec: StageSpec, a: Opened, b: Opened, call: Call, graphs: dict[tuple[object, ...], RoundedGraph]
) -> dict[str, float]:
    """The error of plain computing in the lower precision of the two, of each output; none where both are fp32.

    Args:
        graphs: those that were read already, by the shapes that they are for.
    """
    lower = lower_of(a.precision_of(spec), b.precision_of(spec))
    name = portable_graph(spec.name)
    if lower == "fp32" or name not in a.folder:
        return {}
    shapes = tuple((key, array.shape) for key, array in call.inputs.items())
    try:
        if shapes not in graphs:
            graphs[shapes] = RoundedGraph(a.folder.read(name), call.inputs)
        exact, rounded = graphs[shapes].outputs(call.inputs), graphs[shapes].outputs(call.inputs, rounded_to=lower)
    except VideoBertError:
        return {}
    errors = {}
    for place, tensor in enumerate(spec.outputs):
        real = real_places(spec, tensor, call.inputs)
        one, other = (np.asarray(each[place] if real is None else each[place][real]) for each in (exact, rounded))
        errors[tensor.name] = share_apart(one, other)[1]
    return errors
