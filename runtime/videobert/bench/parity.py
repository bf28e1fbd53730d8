"""Whether B may stand for A: what a speed is worth nothing without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from videobert.results.compare import Apart, Share

# The share of tokens, and of time with equal answers, that low precision has to keep.
LEAST_AGREEMENT: Final = 0.99


def parity_of(stages: Iterable[Apart], tokens: Share | None, answers: Share | None) -> bool | None:
    """No stage beyond tolerance, tokens and answers equal in `LEAST_AGREEMENT`; None where nothing was compared."""
    within = [stage.agrees for stage in stages]
    equal = [share.share >= LEAST_AGREEMENT for share in (tokens, answers) if share is not None]
    return all(within + equal) if within or equal else None
