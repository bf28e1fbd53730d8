"""Values of a kernel's parameters as the bytes that a launch passes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from videobert.base.errors import InputError

# Code of the struct module by Triton type; pointers have `_POINTER`.
CODES = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "u8": "B", "u32": "I", "u64": "Q", "fp32": "f", "fp64": "d"}
_POINTER = "Q"
_ALIGNMENT = 16


def code_of(kind: str) -> str | None:
    """The struct code of a Triton type; None if no launch can pass it."""
    return _POINTER if kind.startswith("*") else CODES.get(kind)


def pack(
    arguments: Sequence[tuple[str, str]], aligned: frozenset[str], scratch_pointers: int, values: Sequence[int | float]
) -> bytes:
    """The parameter buffer: every value at its natural alignment, as the kernel's entry declares them.

    Args:
        arguments: names and Triton types, in order.
        aligned: names of those that the kernel was compiled to find divisible by 16.
        scratch_pointers: null pointers that follow; the kernel does not use them.
        values: device addresses and numbers, in order.

    Raises:
        InputError: number, range or alignment of the values do not fit.
    """
    if len(values) != len(arguments):
        raise InputError("a kernel was given the wrong number of arguments", seen=len(values), allowed=len(arguments))
    packed = bytearray()
    for (name, kind), value in zip(arguments, values, strict=True):
        if name in aligned and int(value) % _ALIGNMENT:
            raise InputError(f"the argument {name} must be divisible by {_ALIGNMENT}", seen=value)
        code = code_of(kind)
        if code is None:
            raise InputError(f"the argument {name} has a type that no launch can pass", seen=kind)
        try:
            _append(packed, code, value)
        except (struct.error, OverflowError) as error:
            raise InputError(f"the argument {name} is out of range", seen=value, allowed=kind) from error
    for _ in range(scratch_pointers):
        _append(packed, _POINTER, 0)
    return bytes(packed)


def _append(packed: bytearray, code: str, value: int | float) -> None:
    packed.extend(bytes(-len(packed) % struct.calcsize(code)))
    packed.extend(struct.pack(f"<{code}", value))
