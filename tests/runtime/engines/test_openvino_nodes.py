"""What is read of a graph's constants is what they hold; one that numpy cannot hold is none."""

from __future__ import annotations

import numpy as np
import pytest

from videobert.engines.openvino_nodes import constant_of

ov = pytest.importorskip("openvino")
opset = ov.opset13


@pytest.mark.parametrize("converted", [False, True])
@pytest.mark.parametrize(
    ("kind", "is_held"),
    [
        *((kind, True) for kind in ("f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")),
        *((kind, False) for kind in ("bf16", "f8e4m3", "f8e5m2", "i4", "u4")),
    ],
)
def test_values_of_a_constant(kind: str, is_held: bool, converted: bool) -> None:
    stored = opset.constant(np.array([1, 2, 3], np.int8), getattr(ov.Type, kind))
    value = opset.convert(stored, "f32") if converted else stored
    found = constant_of(opset.relu(value), 0)
    if is_held:
        np.testing.assert_array_equal(found, [1, 2, 3])
    else:
        assert found is None
