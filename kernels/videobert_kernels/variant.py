"""A kernel variant: one Triton kernel with everything that decides its machine code."""

from __future__ import annotations

import importlib
from collections.abc import Container, Mapping
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
        serves: which models need it, trait by trait: `dtype` of the weights, `head_size` and `width` of the encoder,
            `causal`; each with what holds the values that it is made for, e.g. `{"dtype": ("fp16",), "head_size":
            (64,), "causal": (False,)}` or `{"width": range(513, 1025)}`. A trait that is not named may have any value.
            An ahead-of-time build for a model stores the variants that serve it.
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
    serves: Mapping[str, Container[object]] = field(default_factory=dict)

    @property
    def operator(self) -> str:
        """The operator's folder."""
        return self.kernel.partition(":")[0].split(".")[-2]

    def load(self) -> Any:
        """The jitted function."""
        module, _, function = self.kernel.partition(":")
        return getattr(importlib.import_module(module), function)
