"""The points of the frontier: the rule for ranges, with or without bias correction, and how many products are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from videobert.engines.openvino_int8_error import bias_corrected
from videobert.engines.openvino_ranges import StageInputs, observe
from videobert.engines.range_rules import RangeRule
from videobert.model.folder import ModelFolder
from videobert.model.int8_ranges import Int8Ranges, int8_ranges

RULES: Mapping[str, RangeRule] = {
    "largest": "largest",
    "percentile 99.99": 0.9999,
    "percentile 99.9": 0.999,
    "squares": "squares",
}
KEPT = (4, 8, 16, 32)


def without(ranges: Int8Ranges, kept: frozenset[str]) -> Int8Ranges:
    """Ranges of the other products alone."""
    lists = {
        what: {name: each for name, each in getattr(ranges, what).items() if name not in kept}
        for what in ("tops", "shifts", "scales")
    }
    return replace(ranges, **lists)


def by_rule(folder: ModelFolder, stage: str, inputs: Sequence[StageInputs]) -> dict[str, Int8Ranges]:
    """All products, by each rule, without bias correction and with it."""
    points = {}
    observed = observe(folder, stage, inputs)
    for name, rule in RULES.items():
        points[name] = observed.ranges(rule)
        points[f"{name}, bias"] = bias_corrected(folder, stage, points[name], inputs)
    return points


def with_kept(ranges: Int8Ranges, name: str, worst: Sequence[str]) -> dict[str, Int8Ranges]:
    """One point with ever more of the worst products kept; `worst` has the worst first."""
    return {f"{name}, {count} kept": without(ranges, frozenset(worst[:count])) for count in KEPT}


def write(points: Mapping[str, Int8Ranges], path: Path) -> None:
    """As JSON, those that are there already with them."""
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found |= {name: ranges.to_json() for name, ranges in points.items()}
    path.write_text(json.dumps(found), encoding="utf-8")


def read(path: Path) -> dict[str, Int8Ranges]:
    """What `write` wrote."""
    return {name: int8_ranges(each) for name, each in json.loads(path.read_text(encoding="utf-8")).items()}
