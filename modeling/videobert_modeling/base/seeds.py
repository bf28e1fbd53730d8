"""What may be a seed."""

from __future__ import annotations

from videobert.base.arguments import whole

# torch takes 64 bits.
_MOST = 2**63 - 1


def check_seed(seed: object) -> int:
    """A seed as it was given.

    Raises:
        UsageError: it is no whole number, negative, or has more than 63 bits.
    """
    return whole("the seed", seed, least=0, most=_MOST, allowed="a whole number, 0 to 2 ** 63 - 1", fix="Use 0.")
