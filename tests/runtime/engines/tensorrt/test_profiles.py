"""Shapes that engines of stages with several free axes are made for, and which of them holds a request."""

from __future__ import annotations

from types import SimpleNamespace

from videobert.engines.tensorrt.executor.buckets import buckets_of
from videobert.engines.tensorrt.executor.tensors import Tensor
from videobert.engines.tensorrt.profiles import profiles_for
from videobert.model.stage import Axis, StageSpec, TensorSpec

BATCH, WIDTH = Axis("batch"), Axis("width", 8)
JOINED = StageSpec(
    name="joined",
    inputs=(
        TensorSpec("first", "float32", (BATCH, Axis("first_length", longest=100, prepared=48), WIDTH)),
        TensorSpec("second", "float32", (BATCH, Axis("second_length", longest=100), WIDTH)),
    ),
    outputs=(
        TensorSpec(
            "states", "float32", (BATCH, Axis("length", longest=128, sum_of=("first_length", "second_length")), WIDTH)
        ),
    ),
    batch="batch",
)
STEP = StageSpec(
    name="step",
    inputs=(
        TensorSpec("ids", "int64", (BATCH, Axis("length", longest=200, often=1))),
        TensorSpec("past", "float32", (BATCH, Axis("layers", 3), Axis("past", longest=200), WIDTH)),
        TensorSpec("memory", "float32", (BATCH, Axis("memory", longest=100), WIDTH)),
    ),
    outputs=(TensorSpec("logits", "float32", (BATCH, Axis("length"), WIDTH)),),
    batch="batch",
)


def largest(spec: StageSpec) -> list[dict[str, tuple[int, ...]]]:
    return [{name: shapes[2][1:] for name, shapes in profile.inputs.items()} for profile in profiles_for(spec)]


def test_an_axis_that_may_not_be_filled_up_has_one_length_and_what_stands_behind_it_the_rest() -> None:
    assert largest(JOINED) == [{"first": (48, 8), "second": (64, 8)}, {"first": (48, 8), "second": (80, 8)}]
    for profile in profiles_for(JOINED):
        assert profile.inputs["first"] == ((1, 48, 8), (1, 48, 8), (8, 48, 8))
        assert profile.inputs["second"][0] == (1, 1, 8)


def test_lengths_grow_together_but_for_one_that_most_calls_have() -> None:
    grown = [((3, 64, 8), (64, 8)), ((3, 128, 8), (100, 8)), ((3, 200, 8), (100, 8))]
    assert largest(STEP) == [
        {"ids": (length,), "past": past, "memory": memory} for length in (1, 200) for past, memory in grown
    ]


def engine_of(spec: StageSpec) -> SimpleNamespace:
    """An engine that has the profiles of a stage."""
    profiles = profiles_for(spec)
    return SimpleNamespace(
        num_optimization_profiles=len(profiles),
        get_tensor_profile_shape=lambda name, profile: profiles[profile].inputs[name],
    )


def test_a_bucket_holds_what_can_be_filled_up_to_it() -> None:
    tensors = [Tensor(name=t.name, dtype=None, shape=t.shape, is_input=True) for t in JOINED.inputs]  # type: ignore[arg-type]
    buckets = buckets_of(engine_of(JOINED), tensors)
    fits = [bucket for bucket in buckets if bucket.holds({"first": (3, 48, 8), "second": (3, 7, 8)})]
    assert [bucket.rows for bucket in fits[:2]] == [4, 4]
    # What stands behind the first would move.
    assert not any(bucket.holds({"first": (3, 40, 8), "second": (3, 7, 8)}) for bucket in buckets)
    assert not any(bucket.holds({"first": (3, 48, 7), "second": (3, 7, 8)}) for bucket in buckets)
    tensors = [Tensor(name=t.name, dtype=None, shape=t.shape, is_input=True) for t in STEP.inputs]  # type: ignore[arg-type]
    buckets = buckets_of(engine_of(STEP), tensors)
    step = {"ids": (5, 1), "past": (5, 3, 70, 8), "memory": (5, 90, 8)}
    chosen = next(bucket for bucket in buckets if bucket.holds(step))
    assert {name: shape[1:] for name, shape in chosen.shapes.items()} == {
        "ids": (1,),
        "past": (3, 128, 8),
        "memory": (100, 8),
    }
    assert not any(bucket.holds(step | {"past": (5, 2, 70, 8)}) for bucket in buckets)
