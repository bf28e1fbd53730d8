"""Every kernel variant that is shipped, gathered from the operators' folders."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Final

from videobert_kernels.errors import KernelError
from videobert_kernels.variant import CAPABILITIES, KernelVariant

OPERATORS: Final = "videobert_kernels.ops"
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


def operators(package: str = OPERATORS) -> tuple[str, ...]:
    """Names of the sub-packages that are operators: those with a module `configs`."""
    parent = importlib.import_module(package)
    names = []
    for entry in pkgutil.iter_modules(parent.__path__):
        inside = f"{package}.{entry.name}"
        if entry.ispkg and any(part.name == "configs" for part in pkgutil.iter_modules(_path_of(inside))):
            names.append(entry.name)
    return tuple(sorted(names))


def all_variants(package: str = OPERATORS) -> tuple[KernelVariant, ...]:
    """What `variants()` of every operator's `configs` gives, by name.

    Raises:
        KernelError: two have one name, or a name or a capability is not usable.
    """
    by_name: dict[str, KernelVariant] = {}
    for operator in operators(package):
        for variant in importlib.import_module(f"{package}.{operator}.configs").variants():
            if variant.name in by_name:
                raise KernelError("two kernel variants have one name", seen=variant.name)
            # The name becomes a file name.
            if not _NAME.match(variant.name) or len(variant.name) > 100:
                raise KernelError("not a name for a kernel variant", seen=variant.name, allowed=_NAME.pattern)
            if not set(variant.capabilities) <= set(CAPABILITIES):
                raise KernelError(f"{variant.name} asks for an unknown capability", seen=variant.capabilities)
            by_name[variant.name] = variant
    return tuple(by_name[name] for name in sorted(by_name))


def _path_of(package: str) -> list[str]:
    return list(importlib.import_module(package).__path__)
