"""What `videobert doctor` finds on a machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A Python package: what brings it (the install itself, or an extra) and its version; None if not installed."""

    name: str
    extra: str | None
    version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """Something that this machine can or cannot do.

    Args:
        name: e.g. `"openvino"`, `"pyav"`, `"videobert._native"`, `"cache"`, or the name of a bundled model.
        kind: `"engine"`, `"decoder"`, `"native"`, `"target"`, `"extra"`, `"cache"` or `"model"`.
        works: whether it can be used.
        detail: versions, devices, paths; or the reason why it does not work.
        fix: one command or step; None if it works.
    """

    name: str
    kind: str
    works: bool
    detail: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is installed, what can run and why the rest cannot.

    Args:
        cpu_features: instruction sets that matter here, or None where the native part is missing.
        blockers: names of the abilities without which no model runs on a video and that do not work; of the engines,
            any one of which is enough, the one that every machine can run.
        ready: whether a model can be run on a video: there are no blockers.
    """

    videobert: str
    python: str
    platform: str
    cpu: str
    cores: int
    cpu_features: dict[str, bool] | None
    packages: tuple[Package, ...]
    abilities: tuple[Ability, ...]
    blockers: tuple[str, ...]
    ready: bool
