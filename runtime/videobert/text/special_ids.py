"""The words of a tokenizer that are no words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialIds:
    """Ids of the tokenizer's special words."""

    cls: int
    sep: int
    mask: int
    pad: int
    unknown: int
