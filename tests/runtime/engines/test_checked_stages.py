"""Stages on an engine are held to their signatures, each output of them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.errors import InputError, ModelError
from videobert.engines.base import Engine
from videobert.engines.checked_stages import CheckedStages
from videobert.model.stage import Axis, StageSpec, TensorSpec

_BATCH, _FIRST, _SECOND = Axis("batch"), Axis("first"), Axis("second")
_BOTH = Axis("both", sum_of=("first", "second"))
_SPEC = StageSpec(
    name="halves",
    inputs=(TensorSpec("one", "float32", (_BATCH, _FIRST)), TensorSpec("two", "float32", (_BATCH, _SECOND))),
    outputs=(TensorSpec("joined", "float32", (_BATCH, _BOTH)), TensorSpec("count", "int64", (_BATCH,))),
    batch="batch",
)
_ONE = StageSpec(name="sums", inputs=_SPEC.inputs, outputs=_SPEC.outputs[:1], batch="batch")
Arrays = dict[str, npt.NDArray[Any]]


class _Told:
    """An engine that gives what it was told to."""

    def __init__(self, **outputs: npt.NDArray[Any]) -> None:
        self._outputs = outputs

    def run(self, stage: str, **inputs: Any) -> npt.NDArray[Any]:
        (output,) = self._outputs.values()
        return output

    def run_all(self, stage: str, **inputs: Any) -> Arrays:
        return self._outputs


def stages(**outputs: npt.NDArray[Any]) -> CheckedStages:
    return CheckedStages(cast(Engine, _Told(**outputs)), [_SPEC, _ONE])


def inputs(first: int = 2, second: int = 3) -> Arrays:
    return {"one": np.zeros((4, first), np.float32), "two": np.zeros((4, second), np.float32)}


def outputs() -> Arrays:
    return {"joined": np.ones((4, 5), np.float32), "count": np.arange(4)}


def test_all_outputs_come_by_name() -> None:
    found = stages(**outputs()).run_all("halves", **inputs())
    np.testing.assert_array_equal(found["joined"], np.ones((4, 5)))
    np.testing.assert_array_equal(found["count"], np.arange(4))


def test_one_output_comes_alone_or_by_name() -> None:
    joined = outputs()["joined"]
    np.testing.assert_array_equal(stages(joined=joined)("sums", **inputs()), joined)
    np.testing.assert_array_equal(stages(joined=joined).run_all("sums", **inputs())["joined"], joined)


@pytest.mark.parametrize(
    ("changes", "seen", "allowed"),
    [
        ({"joined": np.ones((4, 6), np.float32)}, r"output joined of shape \(4, 6\)", r"\(4, 5\)"),
        ({"joined": np.ones((3, 5), np.float32)}, r"output joined of shape \(3, 5\)", r"\(4, 5\)"),
        ({"count": np.zeros(4, np.int32)}, r"output count of int32 shape \(4,\)", r"int64 \(4,\)"),
        ({"more": np.zeros(4)}, "outputs count, joined, more", "joined, count"),
    ],
)
def test_each_output_is_checked(changes: Arrays, seen: str, allowed: str) -> None:
    with pytest.raises(ModelError, match=f"the halves does not fit config.json.*{seen}.*{allowed}"):
        stages(**outputs() | changes).run_all("halves", **inputs())


def test_an_output_that_is_missing_is_said() -> None:
    with pytest.raises(ModelError, match=r"the outputs count.*joined, count"):
        stages(count=np.arange(4)).run_all("halves", **inputs())


def test_inputs_and_names_are_checked_before_the_engine_is_asked() -> None:
    told = stages()
    with pytest.raises(InputError, match="takes other inputs"):
        told.run_all("halves", one=inputs()["one"])
    with pytest.raises(ModelError, match=r"no thirds.*halves, sums"):
        told.run_all("thirds", **inputs())
