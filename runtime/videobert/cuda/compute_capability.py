"""Compute capabilities of GPUs: how they are written."""

from __future__ import annotations


def dotted(capability: int) -> str:
    """`"8.9"` for 89."""
    return f"{capability // 10}.{capability % 10}"
