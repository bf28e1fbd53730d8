"""What `videobert build --target` can name: one entry for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videobert.base.errors import UsageError
from videobert.cli.build.job import Build, TargetJob
from videobert.cuda.kernel_targets import KERNEL_TARGETS


def _engines(job: TargetJob) -> Sequence[dict[str, Any]]:
    from videobert.cli.build.engines import build_engines_of

    return build_engines_of(job)


def _cubins(job: TargetJob) -> Sequence[dict[str, Any]]:
    from videobert.cli.build.cubins import build_cubins_of

    return build_cubins_of(job)


def _server(job: TargetJob) -> Sequence[dict[str, Any]]:
    from videobert.cli.build.server import build_server_of

    return build_server_of(job)


_TARGETS: dict[str, Build] = {
    "tensorrt-rtx": _engines,
    "tensorrt": _engines,
    "triton-server": _server,
    **dict.fromkeys(KERNEL_TARGETS, _cubins),
}


def build_targets(jobs: Sequence[TargetJob]) -> list[dict[str, Any]]:
    """All targets, one after the other: a JSON object with its `target` for each thing built.

    Raises:
        UsageError: one is not known, which is found before the first is begun.
    """
    builders = [_builder_of(job.target) for job in jobs]
    return [
        {"target": job.target, **row} for job, build_for in zip(jobs, builders, strict=True) for row in build_for(job)
    ]


def _builder_of(target: str) -> Build:
    if target not in _TARGETS:
        raise UsageError("this target is not known", seen=target, allowed=", ".join(_TARGETS), fix="Use one of those.")
    return _TARGETS[target]
