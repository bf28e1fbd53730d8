"""Margins of `precision="exact"` that were measured for models whose folders are made without a calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Each as `exact.json` holds it, see `videobert.model.exact_margin`; measured by `benchmarks/exact_tokens.py`.
KNOWN_MARGINS: tuple[Mapping[str, Any], ...] = (
    # shapes
    {
        "format": 1,
        "backbone": "e63881660126353fdf1059671c09be8e673993965e5c790a767004a2ba596d49",
        "codebook": "0bc9742e0fff8a25",
        "flat": 0.0012316736263897014,
        "tree": 0.0010689368196126802,
        "clips": 766,
        "again": 0.024804177545691905,
        "left": 0.0004985036369461924,
    },
    # everyday
    {
        "format": 1,
        "backbone": "53cb34918b7c2424ade923dde3381d4631a7696b157d329c501abfb97ae75d11",
        "codebook": "30ba5a2d32aed947",
        "flat": 0.0015519765988771838,
        "tree": None,
        "clips": 216,
        "again": 0.05555555555555555,
        "left": 0.00048225308641975306,
    },
)
