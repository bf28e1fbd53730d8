"""Arrays of a published checkpoint, taken one by one into our names, each accounted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.errors import ModelError

Array = npt.NDArray[Any]
Float32 = npt.NDArray[np.float32]
_LISTED = 8
_WHOLE_COPY = "Get a whole copy of the checkpoint."


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one array of the source.

    Args:
        name: in the source.
        shape: in the source.
        target: our tensor, or the one that it is a part of; None for an array that is left out.
        reason: why it was left out.
    """

    name: str
    shape: tuple[int, ...]
    target: str | None
    reason: str = ""


class ArrayIntake:
    """Takes arrays out of a checkpoint; what is neither taken nor left out for a reason is an error at the end.

    Args:
        kind: what the checkpoint should be, for messages.
        arrays: by name; they are not changed.

    Attributes:
        ledger: a line for each array of the source, in the order in which they were dealt with.
    """

    def __init__(self, kind: str, arrays: Mapping[str, Array]) -> None:
        self.kind = kind
        self.ledger: list[Taken] = []
        self._left = dict(arrays)

    def take(self, name: str, target: str, shape: tuple[int, ...]) -> Float32:
        """An array of the source that becomes `target` or a part of it, as float32.

        Raises:
            ModelError: there is none, or it has another shape, is not floating-point, or holds NaN or infinity.
        """
        if name not in self._left:
            raise ModelError(
                f"the {self.kind} checkpoint has no tensor {name}, which becomes {target}", fix=_WHOLE_COPY
            )
        array = self._left.pop(name)
        if array.shape != shape:
            raise ModelError(f"tensor {name} has another shape", seen=array.shape, allowed=shape, fix=_WHOLE_COPY)
        if array.dtype.kind != "f":
            raise ModelError(f"tensor {name} does not hold floating-point numbers", seen=str(array.dtype))
        with np.errstate(over="ignore"):  # what does not fit becomes infinite, which is found next
            value = np.ascontiguousarray(array, np.float32)
        if not np.isfinite(value).all():
            raise ModelError(f"tensor {name} holds a NaN or infinite value", fix=_WHOLE_COPY)
        self.ledger.append(Taken(name, shape, target))
        return value

    def leave_out(self, name: str, reason: str) -> None:
        """An array of the source that has no place in our model, if it is there."""
        if name in self._left:
            self.ledger.append(Taken(name, self._left.pop(name).shape, None, reason))

    def finish(self) -> None:
        """Make sure that all has been accounted for.

        Raises:
            ModelError: the source holds more; names it.
        """
        if self._left:
            names = [f"{name} {list(array.shape)}" for name, array in self._left.items()]
            more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
            raise ModelError(
                f"this is not a plain {self.kind} checkpoint: {len(names)} tensors are unexplained",
                seen=", ".join(names[:_LISTED]) + more,
                fix="Check which checkpoint this is.",
            )
