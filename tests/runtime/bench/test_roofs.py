"""What a machine reaches is measured in the precision that it is said of."""

from __future__ import annotations

from typing import Any

import pytest

from videobert.bench.roofs import compiled_product, roofs_of_cpu
from videobert.engines.openvino_engine import multiplies_bf16, multiplies_int8

BY_NAME = {"fp32": {"f32"}, "bf16": {"bf16"}, "int8": {"u8", "i8"}}


def computed_in(compiled: Any) -> set[str]:
    """What the matrix product of a compiled graph multiplies."""
    told = [
        {name: str(getattr(value, "value", value)) for name, value in dict(node.get_rt_info()).items()}
        for node in compiled.get_runtime_model().get_ordered_ops()
    ]
    return {each["runtimePrecision"] for each in told if "gemm" in each.get("primitiveType", "").lower()}


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_the_product_runs_in_its_precision(precision: str) -> None:
    if (precision == "bf16" and not multiplies_bf16()) or (precision == "int8" and not multiplies_int8()):
        pytest.skip(f"this CPU does not multiply {precision}")
    assert computed_in(compiled_product(precision, 1)) <= BY_NAME[precision]
    assert computed_in(compiled_product(precision, 1))


def test_every_precision_has_a_roof() -> None:
    found = roofs_of_cpu(("fp32", "int8"), threads=1)
    assert found.flops_per_s.keys() == {"fp32", "int8"}
    assert min(*found.flops_per_s.values(), found.bytes_per_s) > 1e8
