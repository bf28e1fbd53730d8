"""Through the layers of a stage, in both settings, to the first that gives something else.

Intermediate tensors become outputs of copies of the graphs, which OpenVINO compiles in each side's precision. What an
engine would have fused it then computes in steps, so a layer may be a little further off, or nearer, than inside of the
whole; the tolerance is measured on the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from videobert.bench.recorded_calls import Call
from videobert.bench.rounded_graph import RoundedGraph
from videobert.bench.stage_differences import Opened
from videobert.bench.tolerance import judged, lower_of, share_apart
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.openvino_int8 import quantise
from videobert.model.graph_files import portable_graph
from videobert.model.stage import StageSpec
from videobert.results.compare import Apart

_WALKED: Final = "openvino"
_MOST_TOLD: Final = 20


def why_not(spec: StageSpec, a: Opened, b: Opened) -> str | None:
    """Why the layers of a stage cannot be walked through; None if they can."""
    for each in (a, b):
        if each.engine.name != _WALKED:
            return (
                f"layers of {spec.name} were not looked into: {each.engine.name} shows whole stages only; "
                f"compare two settings of {_WALKED}"
            )
        if portable_graph(spec.name) not in each.folder:
            return f"layers of {spec.name} were not looked into: a folder has no {portable_graph(spec.name)}"
    return None


def layers_apart(spec: StageSpec, a: Opened, b: Opened, call: Call) -> tuple[Apart, ...]:
    """The layers beyond tolerance, in topological order, as far as the part of the graph that holds the first of them.

    Args:
        call: of A's stage; B's has the same inputs.

    Raises:
        ModelError: a graph cannot be read.
    """
    for rows in _chunks(spec, a, b, call):
        beyond = [row for row in rows if not row.agrees]
        if beyond:
            return tuple(beyond[:_MOST_TOLD])
    return ()


def _chunks(spec: StageSpec, a: Opened, b: Opened, call: Call) -> Iterator[list[Apart]]:
    name = portable_graph(spec.name)
    precisions = (a.precision_of(spec), b.precision_of(spec))
    ours, theirs = (RoundedGraph(each.folder.read(name), call.inputs, _quantised(spec, each)) for each in (a, b))
    # What A computes in is no matter of what plain computing in float32 gives.
    plainly = ours if precisions[0] != "int8" else RoundedGraph(a.folder.read(name), call.inputs)
    lower = lower_of(*precisions)
    for chunk in ours.chunks():
        # A graph that was exported otherwise has other layers; those of one name are compared.
        names = [each for each in chunk if each in theirs.layers]
        one, other = ours.values(names, precision=precisions[0]), theirs.values(names, precision=precisions[1])
        plain = dict.fromkeys(names, 0.0)
        if lower != "fp32":
            exact = one if precisions[0] == "fp32" else plainly.values(names)
            rounded = plainly.values(names, rounded_to=lower)
            plain = {each: share_apart(exact[each], rounded[each])[1] for each in names}
        yield [
            judged(each, ours.layers[each], share_apart(one[each], other[each]), precisions, plain[each])
            for each in names
        ]


def _quantised(spec: StageSpec, each: Opened) -> Callable[[Any], object] | None:
    """What the engine does to the graph of a stage that it runs in int8."""
    ranges = each.engine.int8_ranges(spec.name) if isinstance(each.engine, OpenVinoEngine) else None
    return None if ranges is None else lambda graph: quantise(graph, ranges, portable_graph(spec.name))
