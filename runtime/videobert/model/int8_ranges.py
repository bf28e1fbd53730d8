"""Which products of a stage are computed on 8-bit values, and the range that what enters each of them has.

    {"format": 1, "graph": "<sha256>", "tops": {"node_conv3d": 1.0, "node_conv3d_4": -3.5, ...},
     "shifts": {"node_conv3d": [0.01, -0.02, ...]}, "scales": {"node_linear": [1.5, 0.2, ...]}}

A stage's ranges belong to its portable graph. Of a node's input within `[0, top]` a value x is stored as
`x / top * 255`; a negative number says that values have both signs, and it is `x / |top| * 127`. Weights need no
ranges: each output has its own scale. A product that is not named keeps the precision of the rest.

Shifts and scales may be left out. A shift for each output of a product is added to it: what rounding costs in the mean
(bias correction, arXiv 1906.04721, section 4.2). By a scale for each of its inputs these are divided, and the weight's
rows multiplied (SmoothQuant, arXiv 2211.10438, section 4); the top is that of what was divided.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from videobert.base.arguments import as_number, described
from videobert.base.errors import ModelError

INT8_FORMAT = 1
_MOST_PRODUCTS = 10_000
_MOST_NUMBERS = 1_000_000
_LARGEST = 1e30
_LISTS = ("shifts", "scales")


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Ranges:
    """The ranges of one stage.

    Args:
        graph: sha256 of its portable graph.
        tops: for each product, by the name of its node, the largest magnitude; negative where values have both signs.
        shifts: for some of these products what is added to each of their outputs.
        scales: for some of these products what each of their inputs is divided by; more than 0.
    """

    graph: str
    tops: Mapping[str, float]
    shifts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    scales: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.graph, str) or not isinstance(self.tops, Mapping) or not self.tops:
            raise _wrong("ranges by name, and the graph's sha256", described(self.tops))
        if len(self.tops) > _MOST_PRODUCTS:
            raise _wrong(f"at most {_MOST_PRODUCTS} products", len(self.tops))
        for name, top in self.tops.items():
            value = as_number(top)
            if value is None or not math.isfinite(value) or not 0 < abs(value) < _LARGEST:
                raise _wrong("finite numbers that are not 0", f"{described(name)}: {described(top)}")
        for what, above in (("shifts", -_LARGEST), ("scales", 0.0)):
            object.__setattr__(self, what, self._lists(what, above))

    def _lists(self, what: str, above: float) -> dict[str, tuple[float, ...]]:
        """Numbers by product, checked; JSON has lists of them."""
        found = getattr(self, what)
        if not isinstance(found, Mapping) or not all(isinstance(each, list | tuple) for each in found.values()):
            raise _wrong(f"{what}: lists of numbers by name", described(found))
        if sum(map(len, found.values())) > _MOST_NUMBERS:
            raise _wrong(f"at most {_MOST_NUMBERS} numbers in {what}", sum(map(len, found.values())))
        for name, each in found.items():
            if name not in self.tops:
                raise _wrong(f"{what} of products that have a top", described(name))
            for number in each:
                value = as_number(number)
                if value is None or not math.isfinite(value) or not above < value < _LARGEST:
                    raise _wrong(f"{what} that are finite and more than {above:g}", f"{name}: {described(number)}")
        return {name: tuple(map(float, each)) for name, each in found.items()}

    @property
    def hash(self) -> str:
        """16 hexadecimal digits that name the ranges."""
        content = [self.graph, *(sorted(each.items()) for each in (self.tops, self.shifts, self.scales))]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """What `int8_ranges` reads."""
        found: dict[str, Any] = {"format": INT8_FORMAT, "graph": self.graph, "tops": dict(self.tops)}
        for what in _LISTS:
            if numbers := getattr(self, what):
                found[what] = {name: list(each) for name, each in numbers.items()}
        return found


def int8_ranges(found: object) -> Int8Ranges:
    """Ranges from JSON, which is not trusted.

    Raises:
        ModelError: they are damaged, or of a format that is not known.
    """
    if not isinstance(found, dict) or found.get("format") != INT8_FORMAT:
        raise _wrong(f"format {INT8_FORMAT}", described(found))
    lists = {what: found.get(what, {}) for what in _LISTS}
    return Int8Ranges(graph=found.get("graph", ""), tops=found.get("tops", {}), **lists)


def _wrong(allowed: str, seen: object) -> ModelError:
    return ModelError(
        "the ranges of an int8 stage are not what they must be",
        seen=seen,
        allowed=allowed,
        fix="Get or build the model again.",
    )
