"""How far apart two runs of a stage, or of a layer, may be.

Between two runs in fp32: a fixed share of the largest magnitude. Where one of the two computes in less: twice the
error of plain computing in that precision, plus one rounding of the largest magnitude; where both do, twice that. The
error of plain computing is measured: on the same inputs, in float32, with the operands of every layer rounded.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from videobert.bench.rounded_graph import BITS
from videobert.results.compare import Apart

# Of the largest magnitude, between two engines in fp32; scores for a vocabulary are sums over all of a width.
_FP32: Final = 1e-5
_FP32_LOGITS: Final = 1e-4
_LOGITS: Final = "logits"
RULE: Final = (
    "fp32 against fp32: 1e-5 of the largest magnitude, 1e-4 for logits; in lower precision: twice the error of plain "
    "computing in it, operands rounded at every layer, plus one rounding; twice that where both are"
)


def lower_of(a: str, b: str) -> str:
    """The precision of two that has fewer bits; one that is not known counts as bf16."""
    known = [each if each in BITS else "bf16" for each in (a, b)]
    return min(known, key=lambda each: BITS[each] or 7)


def allowed(name: str, precisions: tuple[str, str], plain_error: float) -> float:
    """What the difference may be, as a share of the largest magnitude.

    Args:
        name: of the output or layer.
        precisions: of both runs.
        plain_error: of plain computing in the lower one, as such a share; 0 for fp32.
    """
    lower = lower_of(*precisions)
    if lower == "fp32":
        return _FP32_LOGITS if name.endswith(_LOGITS) else _FP32
    rounding = 2.0 ** -(BITS[lower] or 7)
    both = 1 if "fp32" in precisions else 2
    return both * (2 * plain_error + rounding)


def share_apart(exact: npt.NDArray[Any], found: npt.NDArray[Any]) -> tuple[float, float]:
    """The largest difference, and the same over the largest magnitude of the first; infinite where one is not finite.

    Places where the first is not finite say nothing, as those that a mask leaves out.
    """
    a, b = exact.astype(np.float64), found.astype(np.float64)
    real = np.isfinite(a)
    if a.shape != b.shape or not np.isfinite(b[real]).all():
        return float("inf"), float("inf")
    if not real.any():
        return 0.0, 0.0
    largest = float(np.abs(a[real]).max())
    apart = float(np.abs(a[real] - b[real]).max())
    return apart, apart / largest if largest else (0.0 if apart == 0 else float("inf"))


def judged(
    name: str, kind: str | None, apart: tuple[float, float], precisions: tuple[str, str], plain_error: float
) -> Apart:
    """A difference with what was allowed of it."""
    most = allowed(name, precisions, plain_error)
    return Apart(name=name, kind=kind, max_abs=apart[0], relative=apart[1], allowed=most, agrees=bool(apart[1] <= most))
