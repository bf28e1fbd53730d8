"""PTX for a launcher that passes inputs, integers and outputs and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from videobert_kernels.compile.compilation import CompileError, compile_variant, entry_function
from videobert_kernels.variant import KernelVariant

# What every launch may use. More must be asked for from the driver, and nothing says that TensorRT does so.
PLAIN_SHARED_BYTES: Final = 48 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCode:
    """A kernel to embed in a plan.

    Args:
        variant: what was compiled.
        entry: the function's name.
        ptx: for one architecture: that of capabilities 90, 100 and 120 runs on no other.
        threads: per block.
        shared_bytes: per block.
    """

    variant: KernelVariant
    entry: str
    ptx: str
    threads: int
    shared_bytes: int


def plugin_code(candidates: Sequence[KernelVariant], capability: int, most_shared_bytes: int) -> PluginCode:
    """The first candidate that fits into `most_shared_bytes`; one or two seconds each.

    Raises:
        CompileError: none fits, or one does not compile or needs scratch memory.
        KernelError: the capability is unknown, or this process interprets kernels.
    """
    needed = []
    for variant in candidates:
        compiled = compile_variant(variant, capability)
        shared = compiled.resources.shared_bytes
        if shared <= most_shared_bytes:
            return PluginCode(
                variant=variant,
                entry=compiled.entry,
                ptx=without_hidden(compiled.ptx, len(variant.arguments)),
                threads=compiled.threads,
                shared_bytes=shared,
            )
        needed.append(shared)
    raise CompileError(
        f"{candidates[0].name} does not fit into shared memory", seen=min(needed), allowed=most_shared_bytes
    )


def without_hidden(ptx: str, parameters: int) -> str:
    """The same code without the parameters after the first `parameters`.

    Triton appends two pointers to scratch memory, whether it is used or not; a launcher that does not know of them
    would leave them unset.

    Raises:
        CompileError: one of them is used.
    """
    entry = entry_function(ptx)
    declared = entry.group(2).strip().split(",\n")
    for index in range(parameters, len(declared)):
        if re.search(rf"\b{entry.group(1)}_param_{index}\b", ptx[entry.end() :]):
            raise CompileError("the kernel uses its scratch memory, which a plugin does not have", seen=entry.group(1))
    kept = ",\n".join(declared[:parameters])
    return f"{ptx[: entry.start(2)]}\n{kept}\n{ptx[entry.end(2) :]}"
