"""Which layers of a stage are worth a higher precision: those whose rounding moves the stage's output most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from videobert.bench.recorded_calls import Call
from videobert.bench.rounded_graph import RoundedGraph, Switched
from videobert.bench.side_words import parse_side
from videobert.bench.tolerance import share_apart
from videobert.model.folder import ModelFolder
from videobert.model.graph_files import portable_graph
from videobert.model.kept_layers import KeptLayers, weights_name
from videobert.model.places import real_places
from videobert.model.stage import StageSpec
from videobert.results.compare import Comparison, KeptStage

# What is left of a stage's error when its layers are kept.
LEFT: Final = 0.5


def layers_to_keep(spec: StageSpec, folder: ModelFolder, calls: Sequence[Call], precision: str) -> KeptStage | None:
    """The fewest layers, the most sensitive first, without whose rounding at most `LEFT` of the error is left.

    Each product of the graph rounds its operands alone, the others compute in float32: the error of the output is what
    that layer is to blame for. Then the first of them are kept and all others round, until the error has fallen enough.

    Args:
        folder: of the model in full precision.
        calls: recorded ones of the stage.
        precision: that the others are to have.

    Returns:
        None where the graph has no products, or rounding changes nothing.

    Raises:
        ModelError: the graph cannot be read.
    """
    name = portable_graph(spec.name)
    found = [_Output(spec, call, RoundedGraph(folder.read(name), call.inputs).switched(precision)) for call in calls]
    names = found[0].switched.names
    whole = _error(found, np.ones(len(names), np.bool_))
    if not names or not whole:
        return None
    alone = [_error(found, np.arange(len(names)) == place) for place in range(len(names))]
    order = np.argsort(-np.asarray(alone), kind="stable")
    few, many = 0, len(names)
    # More kept layers leave less of the error, but for what errors cancel: the half that is enough is looked into.
    while few + 1 < many:
        middle = (few + many) // 2
        if _error(found, _all_but(order[:middle], len(names))) <= LEFT * whole:
            many = middle
        else:
            few = middle
    kept = order[:many]
    left = _error(found, _all_but(kept, len(names)))
    return KeptStage(stage=spec.name, layers=tuple(names[place] for place in kept), error=whole, error_kept=left)


def kept_file(model: str | Path, found: Comparison) -> dict[str, Any]:
    """What `videobert build --keep` reads: the layers that a comparison proposes.

    Args:
        model: side A, as it was given.
    """
    folder = ModelFolder(str(parse_side(model).model))
    stages = {kept.stage: kept.layers for kept in found.keep}
    return KeptLayers(weights=weights_name(folder), stages=stages).to_json()


class _Output:
    """The output of one call, with and without rounding."""

    def __init__(self, spec: StageSpec, call: Call, switched: Switched) -> None:
        self.switched = switched
        self._real = real_places(spec, spec.outputs[0], call.inputs)
        self._exact = self._at(np.zeros(len(switched.names), np.bool_))

    def error(self, on: npt.NDArray[np.bool_]) -> float:
        return share_apart(self._exact, self._at(on))[1]

    def _at(self, on: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        output = self.switched.output(list(on))
        return output if self._real is None else output[self._real]


def _error(found: Sequence[_Output], on: npt.NDArray[np.bool_]) -> float:
    return max(each.error(on) for each in found)


def _all_but(kept: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.bool_]:
    on = np.ones(count, np.bool_)
    on[kept] = False
    return on
