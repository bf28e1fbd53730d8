"""Tensors of a checkpoint, taken one by one into our names, each with its line in the ledger."""

from __future__ import annotations

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert_modeling.base.half import fits_float16
from videobert_modeling.model_folder.ledger import Entry, Ledger, Status


class Intake:
    """Takes tensors out of a checkpoint and writes the ledger; what is never taken ends as unexplained."""

    def __init__(self, tensors: dict[str, Tensor], ledger: Ledger, *, strict: bool = True) -> None:
        self._left = dict(tensors)
        self._strict = strict
        self.ledger = ledger

    def __contains__(self, name: str) -> bool:
        return name in self._left

    @property
    def left(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of what has not been taken yet."""
        return {name: tuple(tensor.shape) for name, tensor in self._left.items()}

    def take(self, name: str, target: str, shape: tuple[int, ...] | None = None) -> Tensor:
        """A tensor of the source that becomes `target`, checked against `shape` if given, as float32.

        Raises:
            ModelError: another shape, not floating-point, or a NaN or infinite value.
        """
        tensor = self._left[name]
        _check(name, tensor, shape)
        del self._left[name]
        value = tensor.detach().to(torch.float32).contiguous()
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"tensor {name} holds a NaN or infinite value", fix="Get a whole copy of the checkpoint.")
        self.ledger.fits_float16 = self.ledger.fits_float16 and fits_float16(value)
        status: Status = "used" if name == target else "renamed"
        self.ledger.entries.append(Entry(name, status, tuple(tensor.shape), target))
        return value

    def repeats(self, name: str, value: Tensor) -> bool:
        """Whether a tensor of the source holds the same as one that was taken.

        Raises:
            ModelError: it has another shape, or is not floating-point.
        """
        _check(name, self._left[name], tuple(value.shape))
        return torch.equal(self._left[name].detach().to(torch.float32), value)

    def tie(self, name: str, value: Tensor, target: str, reason: str) -> None:
        """A tensor of the source that repeats `value`, already taken as `target`.

        Raises:
            ModelError: it holds something else, and the import is strict.
        """
        tensor = self._left[name]
        _check(name, tensor, tuple(value.shape))
        if not torch.equal(tensor.detach().to(torch.float32), value):
            if self._strict:
                raise ModelError(
                    f"tensor {name} should repeat {target} and does not",
                    fix="Our models tie the two; strict=False (--no-strict) leaves this one out.",
                )
            return self.ignore(name, f"differs from {target}, to which our model ties it")
        del self._left[name]
        self.ledger.entries.append(Entry(name, "tied", tuple(tensor.shape), target, reason))

    def ignore(self, name: str, reason: str) -> None:
        """A tensor of the source that has no place in our model, if it is there."""
        if name in self._left:
            tensor = self._left.pop(name)
            self.ledger.entries.append(Entry(name, "ignored", tuple(tensor.shape), None, reason))

    def missing(self, target: str, reason: str = "") -> None:
        """One of our tensors that the source does not have; unexplained without a reason."""
        self.ledger.entries.append(Entry(target, "missing" if reason else "unexplained", None, target, reason))

    def finish(self) -> None:
        """Account for the rest.

        Raises:
            ModelError: strict, and something is unexplained.
        """
        for name, tensor in self._left.items():
            self.ledger.entries.append(Entry(name, "unexplained", tuple(tensor.shape)))
        self._left.clear()
        if self._strict:
            self.ledger.require_explained()


def _check(name: str, tensor: Tensor, shape: tuple[int, ...] | None) -> None:
    if shape is not None and tuple(tensor.shape) != shape:
        raise ModelError(f"tensor {name} has another shape", seen=tuple(tensor.shape), allowed=shape)
    if not tensor.is_floating_point():
        raise ModelError(f"tensor {name} does not hold floating-point numbers", seen=str(tensor.dtype))
