"""The shapes that a stage is prepared for. A request runs in the smallest one that holds it, padded.

Few of them, so that every one can have its own context with its shapes, addresses and captured graph fixed before the
first request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from videobert.engines.tensorrt.executor.tensors import Shape, Tensor

# Rows grow by this factor from one bucket to the next: at most this much is computed for nothing.
_GROWTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One set of input shapes.

    Args:
        profile: index of the optimisation profile that allows them.
        rows: size of the first axis of the inputs that have a free one.
        free: for each input the axes that may be shorter in a request, whose rest is then filled up.
    """

    profile: int
    rows: int
    shapes: dict[str, Shape]
    free: dict[str, frozenset[int]]

    def holds(self, shapes: dict[str, Shape]) -> bool:
        """Whether inputs of these shapes fit, padded along their free axes."""
        return all(
            len(shape) == len(self.shapes[name])
            and all(
                size == most or (size < most and axis in self.free[name])
                for axis, (size, most) in enumerate(zip(shape, self.shapes[name], strict=True))
            )
            for name, shape in shapes.items()
        )

    @property
    def size(self) -> int:
        """Values of all inputs: what a smaller bucket has fewer of."""
        return sum(prod(shape) for shape in self.shapes.values())


def buckets_of(engine: Any, tensors: Iterable[Tensor], most_rows: int | None = None) -> tuple[Bucket, ...]:
    """The buckets of an engine, smallest first.

    Every free axis but the first is at its profile's largest size: profiles are buckets of length already.

    Args:
        most_rows: a limit on the rows; None leaves it to the profiles.
    """
    inputs = [tensor for tensor in tensors if tensor.is_input]
    found: dict[tuple[Shape, ...], Bucket] = {}
    for profile in range(engine.num_optimization_profiles):
        ranges = {each.name: _range(engine, each.name, profile) for each in inputs}
        free = [most[0] for least, most in ranges.values() if least and least[0] != most[0]]
        for rows in _steps(min([*free, *([] if most_rows is None else [most_rows])], default=1)):
            shapes = {
                name: (rows, *most[1:]) if least and least[0] != most[0] else most
                for name, (least, most) in ranges.items()
            }
            # The rows are shared by all inputs; another axis that its profile holds fixed must be as long as that.
            axes = {
                each.name: frozenset(
                    axis
                    for axis, size in enumerate(each.shape)
                    if size < 0 and (axis == 0 or ranges[each.name][0][axis] != ranges[each.name][1][axis])
                )
                for each in inputs
            }
            found.setdefault(tuple(shapes.values()), Bucket(profile=profile, rows=rows, shapes=shapes, free=axes))
    return tuple(sorted(found.values(), key=lambda bucket: bucket.size))


def _range(engine: Any, name: str, profile: int) -> tuple[Shape, Shape]:
    least, _, most = (tuple(shape) for shape in engine.get_tensor_profile_shape(name, profile))
    return least, most


def _steps(most: int) -> Sequence[int]:
    steps = [1]
    while steps[-1] * _GROWTH < most:
        steps.append(steps[-1] * _GROWTH)
    return steps if most == 1 else [*steps, most]
