"""The bytes of a launch's parameters, bit by bit."""

from __future__ import annotations

import pytest

from videobert.base.errors import InputError
from videobert.cuda.packing import pack

NONE: frozenset[str] = frozenset()


def test_every_value_lies_at_its_natural_alignment() -> None:
    arguments = [("a", "i8"), ("b", "*fp32"), ("c", "i32"), ("d", "i64"), ("e", "fp32"), ("f", "i16"), ("g", "fp64")]
    packed = pack(arguments, NONE, 0, [-2, 0x0102030405060708, -1, 5, 1.5, 258, -0.5])
    assert packed.hex(" ", 8).split() == [
        "fe00000000000000",
        "0807060504030201",
        "ffffffff00000000",
        "0500000000000000",
        "0000c03f02010000",
        "000000000000e0bf",
    ]


def test_scratch_pointers_are_null_and_follow_at_their_alignment() -> None:
    assert pack([("rows", "i32")], NONE, 2, [7]) == b"\x07\0\0\0" + bytes(4) + bytes(16)
    assert pack([], NONE, 0, []) == b""


@pytest.mark.parametrize(
    ("kind", "value"),
    [("i32", 2**31), ("i32", -(2**31) - 1), ("u32", -1), ("i8", 128), ("*fp16", -1), ("*fp16", 2**64), ("fp32", 1e39)],
)
def test_a_value_out_of_range_is_refused(kind: str, value: float) -> None:
    with pytest.raises(InputError, match="the argument n is out of range"):
        pack([("n", kind)], NONE, 0, [value])


def test_limits_of_a_type_pass() -> None:
    assert pack([("n", "i32")], NONE, 0, [-(2**31)]) == b"\0\0\0\x80"
    assert pack([("n", "u64")], NONE, 0, [2**64 - 1]) == b"\xff" * 8


def test_what_the_kernel_takes_for_aligned_must_be() -> None:
    aligned = frozenset({"points"})
    assert pack([("points", "*fp32")], aligned, 0, [0x100])
    with pytest.raises(InputError, match="must be divisible by 16; got 264"):
        pack([("points", "*fp32")], aligned, 0, [0x108])


def test_the_number_of_values_must_fit() -> None:
    with pytest.raises(InputError, match="wrong number of arguments; got 1; allowed: 2"):
        pack([("a", "i32"), ("b", "i32")], NONE, 0, [1])


def test_a_type_that_no_launch_can_pass_is_refused() -> None:
    with pytest.raises(InputError, match="no launch can pass; got tensordesc"):
        pack([("a", "tensordesc")], NONE, 0, [1])
