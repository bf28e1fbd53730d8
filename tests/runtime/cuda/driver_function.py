"""A function of a driver library that is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Function:
    """Keeps to the types that are declared for it, as ctypes does."""

    def __init__(self, body: Callable[..., int]) -> None:
        self.body, self.argtypes, self.restype = body, (), None

    def __call__(self, *arguments: Any) -> int:
        assert len(arguments) == len(self.argtypes)
        return self.body(*arguments)
