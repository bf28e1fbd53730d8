"""What a target of `videobert build` is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.cli.parser.options import CommonOptions
from videobert.model.kept_layers import KeptLayers

# What the weights of a model folder are stored in, and what a target is made in where nothing is said.
DEFAULT_PRECISION = "fp16"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetJob:
    """What a target is asked for.

    Args:
        folder: the model folder as it was given.
        out: where the finished folder goes; None means in place.
        target: the name that was given.
        precision: None where it was not said.
        capabilities: from `--sm`; None means all that the target has.
        trust_engines: from `--trust-engines`: copy plans that someone else built.
        keep: layers that stay in a higher precision; None for those that always do.
    """

    folder: Path
    out: Path | None
    target: str
    precision: str | None
    capabilities: tuple[str, ...] | None
    trust_engines: bool
    options: CommonOptions
    keep: KeptLayers | None = None


# Takes the job and returns one JSON object for each thing built, with `name`, `size_bytes` and `summary` at least.
Build = Callable[[TargetJob], Sequence[dict[str, Any]]]
