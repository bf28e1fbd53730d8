"""`model.safetensors` as far as the run side looks into it: the backbone's tensors, and the size of the token table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt

from videobert.base.errors import ModelError

_BACKBONE = "backbone."


def backbone_of(path: Path, *, fix: str) -> dict[str, npt.NDArray[Any]]:
    """The backbone's tensors, by name.

    Args:
        fix: the next step of the error.

    Raises:
        ModelError: the file is missing, damaged, or holds a type that numpy lacks.
    """
    with _opened(path, fix) as file:
        return {name: file.get_tensor(name) for name in file.keys() if name.startswith(_BACKBONE)}  # noqa: SIM118


def table_shape(path: Path, table: str, *, fix: str) -> tuple[int, ...]:
    """The shape of an encoder's table of words, read off the header; empty if it is not there.

    Args:
        table: the tensor's name.

    Raises:
        ModelError: see `backbone_of`.
    """
    with _opened(path, fix) as file:
        return tuple(file.get_slice(table).get_shape()) if table in set(file.keys()) else ()


@contextmanager
def _opened(path: Path, fix: str) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # numpy has no float8
        raise ModelError(f"{path.name} cannot be read", seen=str(error), fix=fix) from error
