"""What stands before the layers of a packed encoder: what each token is on the host, and the states it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Protocol, TypeVar

import numpy.typing as npt
import torch
from torch import Tensor

from videobert_modeling.packed.packing import HostBatch

_Tables = TypeVar("_Tables")


class Embeddings(Protocol):
    """The embeddings of one encoder, its tensors on the device.

    Attributes:
        positions: of the longest sequence.
        width: of the states.
        per_token: see `Layout`.
    """

    @property
    def positions(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def per_token(self) -> Mapping[str, int | None]: ...

    def pack(self, inputs: Mapping[str, npt.NDArray[Any]]) -> HostBatch:
        """The inputs of the encoder's stage, padded as they are, packed.

        Raises:
            InputError: a value is out of range, or a sequence too long.
        """
        ...

    def smallest(self, sequences: int) -> HostBatch:
        """Sequences of one token each: any content has the same launches."""
        ...

    def states(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """The states that enter the first layer, `(tokens, width)` in the weights' dtype."""
        ...


def moved(tables: _Tables, device: torch.device, dtype: torch.dtype) -> _Tables:
    """A dataclass of tensors elsewhere, contiguous; those that already fit are shared, not copied."""
    values = ((field.name, getattr(tables, field.name)) for field in fields(tables))  # type: ignore[arg-type]
    tensors = {name: value.detach() for name, value in values if isinstance(value, Tensor)}
    cast = {name: tensor.to(device, dtype).contiguous() for name, tensor in tensors.items()}
    return replace(tables, **cast)  # type: ignore[type-var]
