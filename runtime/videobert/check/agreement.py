"""How far two engines are apart."""

from __future__ import annotations

import numpy as np

from videobert.check.run_stages import Found
from videobert.results.check import Difference

# Of fp32, as shares of the largest magnitude of the reference, or of 1 if that is larger.
STATES_WITHIN = 1e-5
LOGITS_WITHIN = 1e-4
_LOGITS = "logits"


def differences(reference: Found, other: Found, *, judged: bool) -> tuple[Difference, ...]:
    """The differences of two runs on every output that both have, in the order of the first.

    Args:
        judged: whether both computed in fp32, of which something is asked.
    """
    return tuple(
        _difference(name, reference, other, judged=judged) for name in reference.outputs if name in other.outputs
    )


def _difference(name: str, reference: Found, other: Found, *, judged: bool) -> Difference:
    exact, found = (run.outputs[name].astype(np.float64) for run in (reference, other))
    real = reference.real.get(name)
    if real is not None:
        exact, found = exact[real], found[real]
    apart = float(np.abs(exact - found).max())
    relative = apart / max(1.0, float(np.abs(exact).max()))
    allowed = (LOGITS_WITHIN if name.endswith(f".{_LOGITS}") else STATES_WITHIN) if judged else None
    # NaN is never within anything.
    return Difference(
        name=name,
        max_abs=apart,
        relative=relative,
        allowed=allowed,
        agrees=None if allowed is None else relative <= allowed,
    )
