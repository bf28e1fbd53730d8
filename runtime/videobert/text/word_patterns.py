"""Patterns that cut a text into words, as the programs did whose models are read here: the only ones that are accepted.

A pattern of a file of unknown origin can run for ever on a text that suits it. These two are looked over: what they
match of a text takes time in proportion to its length.
"""

from __future__ import annotations

from typing import Any

MILNCE = r"[\p{L}\p{N}_']+"
r"""MIL-NCE's words. Python's `[\w']+`, which is letters, numbers of any kind and `_`, but no marks."""

ENGLISH = r"\w+?(?=n't(?!\w))|n't(?!\w)|'(?:s|re|ve|ll|d|m)(?!\w)|\d+(?:[.,]\d+)+|\w+|[^\w\s]"
"""English words nearly as spaCy cuts them: contractions in two, punctuation apart, numbers whole."""

ACCEPTED = (MILNCE, ENGLISH)


def split_by(pattern: str) -> dict[str, Any]:
    """The `pre_tokenizer` of a `tokenizer.json` that keeps what a pattern matches and drops the rest."""
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": True}


def is_accepted(part: object) -> bool:
    """Whether a `pre_tokenizer` is one that `split_by` gives for an accepted pattern."""
    return any(part == split_by(pattern) for pattern in ACCEPTED)
