"""What `videobert build --target` can name: one entry for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.cli.options import TalkOptions
from videobert.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetJob:
    """What a target is asked for.

    Args:
        folder: the model folder as it was given.
        out: where the finished folder goes; None means in place.
        target: the name that was given.
        precision: None means the target's own choice.
        capabilities: from `--sm`; None means all that the target has.
        trust_engines: from `--trust-engines`: copy plans that someone else built.
    """

    folder: Path
    out: Path | None
    target: str
    precision: str | None
    capabilities: tuple[str, ...] | None
    trust_engines: bool
    options: TalkOptions


# Takes the job and returns one JSON object for each thing built, with `name`, `size_bytes` and `summary` at least.
Build = Callable[[TargetJob], Sequence[dict[str, Any]]]


def _engines(job: TargetJob) -> Sequence[dict[str, Any]]:
    from videobert.cli.build_engines import build_engines_of

    return build_engines_of(job)


def _cubins(job: TargetJob) -> Sequence[dict[str, Any]]:
    from videobert.cli.build_cubins import build_cubins_of

    return build_cubins_of(job)


def _server(job: TargetJob) -> Sequence[dict[str, Any]]:
    from videobert.cli.build_server import build_server_of

    return build_server_of(job)


# GPUs that kernels are compiled for, by name of the target.
CUBINS = {f"cuda-sm{capability}": capability for capability in (80, 86, 89, 90, 100, 120)}
_TARGETS: dict[str, Build] = {
    "tensorrt-rtx": _engines,
    "tensorrt": _engines,
    "triton-server": _server,
    **dict.fromkeys(CUBINS, _cubins),
}


def builder_of(target: str) -> Build:
    """What builds for the target.

    Raises:
        UsageError: no such target.
    """
    if target not in _TARGETS:
        raise UsageError("this target is not known", seen=target, allowed=", ".join(_TARGETS), fix="Use one of those.")
    return _TARGETS[target]
