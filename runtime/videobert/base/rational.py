"""Exact numbers out of untrusted text."""

from __future__ import annotations

import re
from fractions import Fraction

# `Fraction` itself also takes exponents, and "1e999999999" is a number that it never finishes writing out.
_RATIONAL = re.compile(r"[0-9]{1,9}(/[0-9]{1,9})?")


def rational(text: str) -> Fraction:
    """The number in a text such as `"20"` or `"30000/1001"`.

    Raises:
        ValueError: the text has another form.
        ZeroDivisionError: the denominator is 0.
    """
    if not _RATIONAL.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number of at most 9 digits, or two of them as in 30000/1001")
    return Fraction(text)
