"""Which products of a stage are computed on 8-bit values, and the range that what enters each of them has.

    {"format": 1, "graph": "<sha256>", "tops": {"node_conv3d": 1.0, "node_conv3d_4": -3.5, ...}}

A stage's ranges belong to its portable graph. Of a node's input within `[0, top]` a value x is stored as
`x / top * 255`; a negative number says that values have both signs, and it is `x / |top| * 127`. Weights need no
ranges: each output has its own scale. A product that is not named keeps the precision of the rest.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from videobert.base.arguments import as_number, described
from videobert.base.errors import ModelError

INT8_FORMAT = 1
_MOST_PRODUCTS = 10_000
_LARGEST = 1e30


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Ranges:
    """The ranges of one stage.

    Args:
        graph: sha256 of its portable graph.
        tops: for each product, by the name of its node, the largest magnitude; negative where values have both signs.
    """

    graph: str
    tops: Mapping[str, float]

    def __post_init__(self) -> None:
        if not isinstance(self.graph, str) or not isinstance(self.tops, Mapping) or not self.tops:
            raise _wrong("ranges by name, and the graph's sha256", described(self.tops))
        if len(self.tops) > _MOST_PRODUCTS:
            raise _wrong(f"at most {_MOST_PRODUCTS} products", len(self.tops))
        for name, top in self.tops.items():
            value = as_number(top)
            if value is None or not math.isfinite(value) or not 0 < abs(value) < _LARGEST:
                raise _wrong("finite numbers that are not 0", f"{described(name)}: {described(top)}")

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that name the ranges."""
        return hashlib.sha256(json.dumps([self.graph, sorted(self.tops.items())]).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """What `int8_ranges` reads."""
        return {"format": INT8_FORMAT, "graph": self.graph, "tops": dict(self.tops)}


def int8_ranges(found: object) -> Int8Ranges:
    """Ranges from JSON, which is not trusted.

    Raises:
        ModelError: they are damaged, or of a format that is not known.
    """
    if not isinstance(found, dict) or found.get("format") != INT8_FORMAT:
        raise _wrong(f"format {INT8_FORMAT}", described(found))
    return Int8Ranges(graph=found.get("graph", ""), tops=found.get("tops", {}))


def _wrong(allowed: str, seen: object) -> ModelError:
    return ModelError(
        "the ranges of an int8 stage are not what they must be",
        seen=seen,
        allowed=allowed,
        fix="Get or build the model again.",
    )
