"""A kernel variant: one Triton kernel with everything that decides its machine code."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Contracting a*b+c into one rounding is part of the numerics: pinned here, passed to every launch and every offline
# compilation, and recorded beside every result, because Triton's own default changes between versions.
FP_FUSION: Final = True

# Compute capabilities, as major * 10 + minor, that every shipped variant must compile for.
CAPABILITIES: Final = (80, 86, 89, 90, 100, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelVariant:
    """What the compile gate checks and what ahead-of-time compilation stores.

    Args:
        name: unique, stable, lower case: operator, kernel, dtype and sizes, e.g. `"nearest_flat_bf16_d1024"`.
        kernel: where the jitted function lives, `"package.module:function"`.
        arguments: run-time arguments in order with their Triton types, e.g. `{"points": "*bf16", "rows": "i32"}`.
        aligned: the arguments (pointers, sizes, strides) that are always divisible by 16.
        constants: values of the kernel's `tl.constexpr` parameters.
        warps: per program.
        stages: software pipeline depth.
        default: chosen without being asked for: must not spill.
        capabilities: the architectures it is shipped for.
        sizes: the model's sizes that it is made for, e.g. `{"dim": 1024}` (of a feature), `{"head_size": 64}` or
            `{"width": 768}` (of the encoder); what is not named may have any value. An ahead-of-time build for a
            model stores the variants whose sizes are all the model's own.
    """

    name: str
    kernel: str
    arguments: Mapping[str, str]
    constants: Mapping[str, Any]
    aligned: tuple[str, ...] = ()
    warps: int = 4
    stages: int = 2
    default: bool = True
    capabilities: tuple[int, ...] = CAPABILITIES
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def operator(self) -> str:
        """The operator's folder."""
        return self.kernel.partition(":")[0].split(".")[-2]

    def load(self) -> Any:
        """The jitted function."""
        module, _, function = self.kernel.partition(":")
        return getattr(importlib.import_module(module), function)
