"""What `videobert check` finds: every stage of a model on named arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayFacts:
    """An array in short.

    Args:
        name: `STAGE.NAME`.
        shape, dtype: as numpy has them.
        least, most, mean: of its values, in float64.
        norm: the square root of the sum of their squares.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    least: float
    most: float
    mean: float
    norm: float

    @classmethod
    def of(cls, name: str, array: npt.NDArray[Any]) -> ArrayFacts:
        """The facts of an array, which is not empty."""
        values = array.astype(np.float64)
        return cls(
            name=name,
            shape=array.shape,
            dtype=str(array.dtype),
            least=float(values.min()),
            most=float(values.max()),
            mean=float(values.mean()),
            norm=float(np.linalg.norm(values)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStage:
    """One stage.

    Args:
        name: of the stage.
        ran: whether it was run.
        path: what went in and how, in words, such as `"clips, uint8"`; empty where it was not run.
        lacks: the inputs that were not there; empty where it was run.
        reason: why it was not run; None where it was.
        untrained: whether it holds what it began with.
        inputs, outputs: what went in and came out.
        notes: what was done to the arrays that were given, and where the others came from.
    """

    name: str
    ran: bool
    path: str = ""
    lacks: tuple[str, ...] = ()
    reason: str | None = None
    untrained: bool = False
    inputs: tuple[ArrayFacts, ...] = ()
    outputs: tuple[ArrayFacts, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineUsed:
    """What ran the stages; fields as in `Origin`."""

    engine: str
    device: str
    precision: str
    fallback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How far two engines are apart on one output, at its real places.

    Args:
        name: `STAGE.NAME`.
        max_abs: the largest difference.
        relative: the same over the largest magnitude of the reference engine, or over 1 if that is larger.
        allowed: what `relative` may be; None where nothing is asked, in precisions below fp32.
        agrees: whether it is at most that; None where nothing is asked.
    """

    name: str
    max_abs: float
    relative: float
    allowed: float | None
    agrees: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of a check.

    Args:
        model, weights, recipe: see `Origin`.
        engines: what ran the stages; the first is the reference where there are two.
        seed: of the inputs that were made; None where inputs were given.
        stages: in the order of the model, as the first engine ran them.
        differences: between two engines; empty where one ran.
        agree: whether nothing differs by more than is allowed; None where nothing was compared or asked.
        notes: what to know of the names that were given.
        arrays: what went in and came out of the first engine, by `STAGE.NAME`; outputs of a second engine are
            `ENGINE/STAGE.NAME`. Places that are not real hold 0. Not in JSON.
    """

    model: str
    weights: str
    recipe: str
    engines: tuple[EngineUsed, ...]
    seed: int | None
    stages: tuple[CheckedStage, ...]
    differences: tuple[Difference, ...] = ()
    agree: bool | None = None
    notes: tuple[str, ...] = ()
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict, repr=False)
