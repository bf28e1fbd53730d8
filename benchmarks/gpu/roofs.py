"""What this GPU reaches with nothing in the way: matrix products by precision, and a copy in its memory.

Figures are held against these and not against a data sheet. No rival and no bar; on random data, since products of
zeros are faster.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from benchmarks.gpu.case import Case, Prepared, device, tiny
from benchmarks.gpu.low_precision_products import fp8_product, int8_product, quantised

_SIDE = 8192
_PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
_BAR_TEXT = "no bar: what this machine can do"


def cases() -> list[Case]:
    """A product in each precision, and a copy."""
    found = [
        Case(name=f"roofs/product/{name}-{_SIDE}", bar=None, bar_text=_BAR_TEXT, prepare=partial(_product, dtype))
        for name, dtype in _PRECISIONS.items()
    ]
    for name in ("int8", "fp8"):
        prepare = partial(_low, name)
        found.append(Case(name=f"roofs/product/{name}-{_SIDE}", bar=None, bar_text=_BAR_TEXT, prepare=prepare))
    found.append(Case(name="roofs/copy/4GiB", bar=None, bar_text=_BAR_TEXT, prepare=_copy, cost_s=2.0))
    return found


def _matrices(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    side = 32 if tiny() else _SIDE
    random = torch.Generator(device()).manual_seed(0)
    left, right = (torch.randn(side, side, generator=random, device=device()).to(dtype) for _ in range(2))
    return left, right


def _product(dtype: torch.dtype) -> Prepared:
    left, right = _matrices(torch.float32 if tiny() else dtype)

    def parity() -> str | None:
        found, exact = (left @ right)[:64].double(), left[:64].double() @ right.double()
        return _near(found, exact, 20 * torch.finfo(left.dtype).eps)

    return _prepared(lambda: left @ right, parity, len(left))


def _low(name: str) -> Prepared:
    left, right = _matrices(torch.float32)
    dtype = torch.int8 if name == "int8" else torch.float8_e4m3fn
    product = int8_product if name == "int8" else fp8_product
    rows, columns = (quantised(each, dtype, once=True) for each in (left, right))

    def parity() -> str | None:
        exact = (rows.values[:64].double() * rows.scales[:64]) @ (columns.values.double() * columns.scales).T
        return _near(product(rows, columns)[:64].double(), exact, 2e-2)

    return _prepared(lambda: product(rows, columns), parity, len(left))


def _near(found: Tensor, exact: Tensor, allowed: float) -> str | None:
    error = ((found - exact).norm() / exact.norm()).item()
    return None if error <= allowed else f"error {error:.3g} of the norm, allowed {allowed:.3g}"


def _prepared(ours: Callable[[], Tensor], parity: Callable[[], str | None], side: int) -> Prepared:
    return Prepared(ours=ours, rivals={}, parity=parity, operations=2 * side**3)


def _copy() -> Prepared:
    size = 1 << (10 if tiny() else 32)
    source = torch.randint(256, (size,), dtype=torch.uint8, device=device())
    target = torch.empty_like(source)

    def parity() -> str | None:
        target.zero_()
        target.copy_(source)
        return None if torch.equal(target, source) else "the copy differs"

    return Prepared(
        ours=lambda: target.copy_(source), rivals={}, parity=parity, bytes=2 * size, note="read and written"
    )
