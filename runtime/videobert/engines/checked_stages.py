"""The stages of a model on an engine, held to their signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy.typing as npt

from videobert.base.errors import ModelError
from videobert.base.spans import span
from videobert.engines.base import Engine
from videobert.model.stage import Stage, StageSpec


class CheckedStages:
    """Runs stages; thread-safe, as the engine is.

    Args:
        engine: what runs them.
        specs: the signatures of those that the model has.
    """

    def __init__(self, engine: Engine, specs: Iterable[StageSpec]) -> None:
        self._engine = engine
        self._specs = {spec.name: spec for spec in specs}

    def __call__(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]:
        """Run a stage of one output; what goes in and what comes out is held to its signature.

        Raises:
            ModelError: the model has no such stage, an input does not fit its signature, or the engine's answer does
                not.
        """
        return self.with_engine(self._engine.run, stage, **inputs)

    def with_engine(self, run: Callable[..., npt.NDArray[Any]], stage: Stage, **inputs: Any) -> npt.NDArray[Any]:
        """The same by another way to run it than the engine's `run`."""
        spec, lengths = self._asked(stage, inputs)
        with span(stage, inputs):
            output = run(stage, **inputs)
        spec.check_output(output, lengths)
        return output

    def run_all(self, stage: Stage, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        """The same of a stage with any number of outputs, which come by name."""
        spec, lengths = self._asked(stage, inputs)
        with span(stage, inputs):
            outputs = self._engine.run_all(stage, **inputs)
        spec.check_outputs(outputs, lengths)
        return outputs

    def _asked(self, stage: Stage, inputs: Mapping[str, Any]) -> tuple[StageSpec, dict[str, int]]:
        spec = self._specs.get(stage)
        if spec is None:
            raise ModelError(f"this model has no {stage}", allowed=", ".join(self._specs), fix="Use another model.")
        return spec, spec.lengths_of(inputs)
