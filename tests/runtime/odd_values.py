"""Odd values of every kind, for every argument that a caller gives."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from videobert.base.errors import VideoBertError


class Nasty:
    """Raises whatever is asked of it."""

    def _raise(self, *_: object, **__: object) -> Any:
        raise RuntimeError("nasty")

    __repr__ = __str__ = __eq__ = __hash__ = __len__ = __bool__ = __iter__ = __contains__ = __getitem__ = _raise
    __index__ = __int__ = __float__ = __fspath__ = __array__ = _raise  # type: ignore[assignment]


class NoPath:
    def __fspath__(self) -> Any:
        return 5


def deep() -> Any:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def closed(file: Any) -> Any:
    file.close()
    return file


def released() -> memoryview:
    view = memoryview(b"abc")
    view.release()
    return view


# Made anew for each call: some can be read only once.
ODD: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "x",
    "no text": lambda: "",
    "number text": lambda: "3",
    "text with NUL": lambda: "a\0b",
    "long text": lambda: "x" * 5000,
    "surrogate": lambda: "\ud800",
    "int": lambda: 3,
    "negative": lambda: -1,
    "zero": lambda: 0,
    "huge": lambda: 10**400,
    "too huge to print": lambda: 10**6000,
    "float": lambda: 1.5,
    "whole float": lambda: 2.0,
    "NaN": lambda: math.nan,
    "infinity": lambda: math.inf,
    "minus infinity": lambda: -math.inf,
    "True": lambda: True,
    "numpy True": lambda: np.True_,
    "numpy int": lambda: np.int64(2),
    "numpy byte": lambda: np.uint8(1),
    "numpy float": lambda: np.float32(1),
    "numpy NaN": lambda: np.float64("nan"),
    "numpy date": lambda: np.datetime64("2020-01-01"),
    "array of one": lambda: np.array(2),
    "array": lambda: np.array([1, 2]),
    "table": lambda: np.zeros((2, 2)),
    "array of texts": lambda: np.array(["red", "blue"]),
    "array of objects": lambda: np.array([None, object()], dtype=object),
    "empty array": lambda: np.zeros(0),
    "empty list": list,
    "list": lambda: [1],
    "twice": lambda: [1, 1],
    "texts": lambda: ["red", "red"],
    "alike": lambda: ["red", "Red"],
    "paths": lambda: ["a.mp4", Path("b.mp4")],
    "nested": lambda: [[1], [2]],
    "ragged": lambda: [[1], [1, 2]],
    "deep": deep,
    "dict": lambda: {"a": 1},
    "empty dict": dict,
    "set": lambda: {1},
    "generator": lambda: (number for number in range(3)),
    "empty generator": lambda: iter(()),
    "endless numbers": itertools.count,
    "endless texts": lambda: itertools.repeat("red"),
    "bytes": lambda: b"x",
    "no bytes": lambda: b"",
    "bytearray": lambda: bytearray(b"xx"),
    "memory of floats": lambda: memoryview(np.arange(10.0)),
    "memory with gaps": lambda: memoryview(np.arange(10.0))[::2],
    "released memory": released,
    "closed file": lambda: closed(io.BytesIO(b"abc")),
    "text file": lambda: io.StringIO("abc"),
    "path": lambda: Path("nowhere"),
    "folder": lambda: Path(__file__).parent,
    "no path": NoPath,
    "complex": lambda: 1j,
    "fraction": lambda: Fraction(1, 2),
    "decimal": lambda: Decimal("1.5"),
    "object": object,
    "class": lambda: dict,
    "slice": lambda: slice(1),
    "nasty": Nasty,
    "frames without times": lambda: iter([np.zeros((4, 4, 3), np.uint8)]),
    "a time that is text": lambda: iter([(np.zeros((4, 4, 3), np.uint8), "x")]),
    "a frame that is ragged": lambda: iter([([[1], [1, 2]], 0.0)]),
}
WHOLE = {"numpy int", "numpy byte", "array of one"}


def check(call: Callable[[Any], object], odd: Callable[[], Any]) -> bool:
    """Whether there was an answer; an error must say what, and what next."""
    try:
        call(odd())
    except VideoBertError as error:
        if not (error.what and error.fix and str(error)):
            raise AssertionError(f"an error that does not say what to do: {error}") from error
        return False
    return True


def answered(call: Callable[[Any], object], *, without: frozenset[str] = frozenset()) -> set[str]:
    """The names of the odd values that `call` takes."""
    taken = set()
    for name, odd in ODD.items():
        if name in without:
            continue
        try:
            if check(call, odd):
                taken.add(name)
        except Exception as error:
            raise AssertionError(f"{name}: {type(error).__name__}: {error}") from error
    return taken
