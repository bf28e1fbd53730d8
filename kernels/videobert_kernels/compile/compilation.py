"""Machine code for a kernel variant and an architecture, without a GPU and without a driver.

Needs a process without `TRITON_INTERPRET`, which turns kernels into something that cannot be compiled.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any, Final

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.errors import KernelError
from videobert_kernels.ops.dispatch import interpreting
from videobert_kernels.variant import FP_FUSION, KernelVariant

_THREADS_PER_WARP: Final = 32
_ENTRY = re.compile(r"\.entry\s+(\w+)\((.*?)\)", re.DOTALL)
_SCALAR_PARAMETER = re.compile(r"\.param\s+\.[a-z](\d+)\b(?!.*\[)")
_RESOURCES = re.compile(r"REG:(\d+) STACK:(\d+)")
# Bytes of an argument by its Triton type; pointers have eight.
ARGUMENT_BYTES: Final = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "u8": 1, "u32": 4, "u64": 8, "fp32": 4, "fp64": 8}


class CompileError(KernelError):
    """A variant has no usable machine code for an architecture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one launch uses.

    Args:
        registers: per thread.
        stack_bytes: per thread; more than 0 means that registers spill.
        shared_bytes: per block, all of it dynamic.
        tensor_memory_columns: of the fifth tensor core generation.
    """

    registers: int
    stack_bytes: int
    shared_bytes: int
    tensor_memory_columns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledKernel:
    """Machine code and what a launcher that knows nothing of Triton has to know.

    Args:
        variant: what was compiled.
        capability: for what.
        entry: the function's name in the cubin.
        cubin: names no file of the machine that compiled it.
        ptx: what `cubin` was assembled from.
        threads: per block.
        scratch_pointers: null pointers to pass after the variant's arguments.
        resources: see there.
    """

    variant: KernelVariant
    capability: int
    entry: str
    cubin: bytes
    ptx: str
    threads: int
    scratch_pointers: int
    resources: Resources


def compile_variant(variant: KernelVariant, capability: int) -> CompiledKernel:
    """Compile one variant; 0.1 to 20 s.

    Raises:
        CompileError: it does not compile, its parameters are not those that it declares, or it needs what a plain
            launcher does not give.
        KernelError: the capability is unknown, or this process interprets kernels.
    """
    architecture(capability)
    if interpreting():
        raise KernelError("this process interprets kernels and cannot compile them", fix="Unset TRITON_INTERPRET.")
    compiled = _compiled(variant, capability)
    metadata = compiled.metadata
    if metadata.global_scratch_size or metadata.profile_scratch_size or metadata.num_ctas != 1:
        raise CompileError(f"{variant.name} needs scratch memory or a cluster, which a plain launch does not give")
    entry, parameters = _parameters(compiled.asm["ptx"])
    declared = [_argument_bytes(variant, kind) for kind in variant.arguments.values()]
    hidden = len(parameters) - len(declared)
    if entry != metadata.name or hidden < 0 or parameters != declared + [8] * hidden:
        raise CompileError(
            f"{variant.name} has other parameters than it declares", seen=parameters, allowed=f"bytes {declared}"
        )
    registers, stack_bytes = _registers_and_stack(compiled.asm["cubin"])
    return CompiledKernel(
        variant=variant,
        capability=capability,
        entry=entry,
        cubin=compiled.asm["cubin"],
        ptx=compiled.asm["ptx"],
        threads=metadata.num_warps * _THREADS_PER_WARP,
        scratch_pointers=hidden,
        resources=Resources(
            registers=registers,
            stack_bytes=stack_bytes,
            shared_bytes=metadata.shared,
            tensor_memory_columns=getattr(metadata, "tmem_size", None) or 0,
        ),
    )


def _compiled(variant: KernelVariant, capability: int) -> Any:
    import triton
    from triton import knobs
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    kernel = variant.load()
    names = list(kernel.arg_names)
    if sorted([*variant.arguments, *variant.constants]) != sorted(names):
        raise CompileError(
            f"{variant.name} does not give every parameter once",
            seen=", ".join([*variant.arguments, *variant.constants]),
            allowed=", ".join(names),
        )
    if [name for name in names if name in variant.arguments] != list(variant.arguments):
        raise CompileError(f"{variant.name} gives its arguments in another order than the kernel", allowed=names)
    unknown = set(variant.aligned) - set(variant.arguments)
    if unknown:
        raise CompileError(f"{variant.name} aligns what is not an argument", seen=", ".join(sorted(unknown)))
    source = ASTSource(
        kernel,
        {name: variant.arguments.get(name, "constexpr") for name in names},
        dict(variant.constants),
        {(names.index(name),): [["tt.divisibility", 16]] for name in variant.aligned},
    )
    options = {"num_warps": variant.warps, "num_stages": variant.stages, "enable_fp_fusion": FP_FUSION}
    try:
        with knobs.compilation.scope():
            # Line tables would put the paths of this machine into the cubin.
            knobs.compilation.disable_line_info = True
            return triton.compile(source, target=GPUTarget("cuda", capability, _THREADS_PER_WARP), options=options)
    except Exception as error:
        # Triton raises a dozen unrelated classes here: its own, those of MLIR and of ptxas.
        first_lines = " ".join(str(error).split())[:500]
        raise CompileError(
            f"{variant.name} does not compile for capability {capability}",
            seen=f"{type(error).__name__}: {first_lines}",
        ) from error


def _argument_bytes(variant: KernelVariant, kind: str) -> int:
    if kind.startswith("*"):
        return 8
    if kind not in ARGUMENT_BYTES:
        raise CompileError(
            f"{variant.name} has an argument that a plain launch cannot pass",
            seen=kind,
            allowed=f"pointers, {', '.join(ARGUMENT_BYTES)}",
        )
    return ARGUMENT_BYTES[kind]


def entry_function(ptx: str) -> re.Match[str]:
    """Where PTX declares its kernel; the groups are the name, and the parameters as they are written.

    Raises:
        CompileError: there is none.
    """
    entry = _ENTRY.search(ptx)
    if entry is None:
        raise CompileError("the compiler's output has no entry function")
    return entry


def _parameters(ptx: str) -> tuple[str, list[int]]:
    """Name of the entry function and bytes of each of its parameters."""
    entry = entry_function(ptx)
    lines = [line for line in entry.group(2).split(",") if line.strip()]
    sizes = [_SCALAR_PARAMETER.search(line) for line in lines]
    return entry.group(1), [int(size.group(1)) // 8 if size else -1 for size in sizes]


def _registers_and_stack(cubin: bytes) -> tuple[int, int]:
    from triton import knobs

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        tool = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", file.name]
        text = subprocess.run(tool, capture_output=True, text=True, check=True, timeout=60).stdout
    totals = _RESOURCES.findall(text)
    if len(totals) != 1:
        raise CompileError("cuobjdump does not say what the kernel uses", seen=text.strip()[:200])
    registers, stack_bytes = map(int, totals[0])
    return registers, stack_bytes
