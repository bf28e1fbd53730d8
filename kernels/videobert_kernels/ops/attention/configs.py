"""Tile sizes of packed attention, by what the host knows: head size, dtype, longest segment, compute capability.

Longer tiles read the keys fewer times: at the speed of an H100's tensor cores, tiles of 64 queries of 512 keys with
head size 64 would ask 7 TB/s of the second-level cache, tiles of 128 queries half of that. Shorter tiles waste less on
short segments. On sm_90 the tiles of head size 64 leave room for two programs of 8 warps, or three of 4, on a
multiprocessor: one computes its softmax while another's products run. fp32 runs on the plain cores, exactly (no TF32).
GPUs with 99 KiB of shared memory a block, and those that are not known, get smaller tiles.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final

import torch

from videobert_kernels.ops.checks import SHORT_NAMES
from videobert_kernels.variant import CAPABILITIES, KernelVariant

HEAD_SIZES: Final = (32, 64, 128)
# How many offsets are looked at in one step when a tile searches its segment.
SEARCH: Final = 128


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """One way to run the kernel.

    Args:
        query_tile: queries a program answers.
        key_tile: keys a program takes at a time.
        warps: of a program.
        stages: tiles of keys in flight.
    """

    query_tile: int
    key_tile: int
    warps: int
    stages: int


# (largest head size, longest segment, config); None means any length. The first row that fits is taken.
_Table = tuple[tuple[int, int | None, AttentionConfig], ...]

_HALF: Final[_Table] = (
    (64, 32, AttentionConfig(32, 32, 2, 2)),
    (128, 32, AttentionConfig(32, 32, 4, 2)),
    (64, 128, AttentionConfig(64, 64, 4, 3)),
    (64, None, AttentionConfig(128, 64, 8, 3)),
    (128, 128, AttentionConfig(64, 64, 4, 2)),
    (128, None, AttentionConfig(128, 64, 8, 2)),
)
_HALF_CAUSAL: Final[_Table] = (
    (64, 32, AttentionConfig(32, 32, 2, 2)),
    (64, None, AttentionConfig(64, 64, 4, 3)),
    (128, 128, AttentionConfig(64, 32, 4, 2)),
    (128, None, AttentionConfig(128, 64, 8, 2)),
)
# Without the asynchronous tensor cores of sm_90 and the tensor memory of sm_100 more has to sit in registers.
_HALF_80: Final[_Table] = (
    (64, 32, AttentionConfig(32, 32, 2, 2)),
    (128, 32, AttentionConfig(32, 32, 4, 2)),
    (64, 128, AttentionConfig(64, 64, 4, 3)),
    (64, None, AttentionConfig(128, 64, 8, 3)),
    (128, 128, AttentionConfig(64, 32, 4, 2)),
    (128, None, AttentionConfig(128, 32, 8, 2)),
)
_HALF_80_CAUSAL: Final[_Table] = (
    (64, 32, AttentionConfig(32, 32, 2, 2)),
    (64, None, AttentionConfig(64, 64, 4, 3)),
    (128, 128, AttentionConfig(64, 32, 4, 2)),
    (128, None, AttentionConfig(128, 32, 8, 2)),
)
_HALF_SMALL: Final[_Table] = (
    (64, 32, AttentionConfig(32, 32, 2, 2)),
    (128, 32, AttentionConfig(32, 32, 4, 2)),
    (64, 128, AttentionConfig(64, 64, 4, 2)),
    (64, None, AttentionConfig(128, 64, 8, 2)),
    (128, 128, AttentionConfig(64, 32, 4, 2)),
    (128, None, AttentionConfig(128, 32, 8, 2)),
)
_HALF_SMALL_CAUSAL: Final[_Table] = (
    (32, 32, AttentionConfig(32, 32, 2, 2)),
    (128, None, AttentionConfig(64, 32, 4, 2)),
)
_SINGLE: Final[_Table] = (
    (32, None, AttentionConfig(32, 64, 8, 1)),
    (64, None, AttentionConfig(32, 64, 8, 1)),
    (128, None, AttentionConfig(32, 16, 8, 1)),
)
# On sm_100 the wider tile of keys takes 16 bytes of stack, with 80 registers.
_SINGLE_100_CAUSAL: Final[_Table] = (
    (32, None, AttentionConfig(32, 64, 8, 1)),
    (64, None, AttentionConfig(32, 32, 8, 1)),
    (128, None, AttentionConfig(32, 16, 8, 1)),
)


def _table(dtype: torch.dtype, causal: bool, capability: int) -> _Table:
    if dtype is torch.float32:
        return _SINGLE_100_CAUSAL if causal and capability == 100 else _SINGLE
    if capability in (90, 100):
        return _HALF_CAUSAL if causal else _HALF
    if capability == 80:
        return _HALF_80_CAUSAL if causal else _HALF_80
    return _HALF_SMALL_CAUSAL if causal else _HALF_SMALL


def choose_config(
    head_size: int, dtype: torch.dtype, causal: bool, longest_query: int, capability: int
) -> AttentionConfig:
    """The config for a launch; `capability` is major * 10 + minor. No clock is read: equal calls run equal code."""
    return next(
        config
        for largest_head, longest, config in _table(dtype, causal, capability)
        if head_size <= largest_head and (longest is None or longest_query <= longest)
    )


def shipped(head_size: int, dtype: torch.dtype, causal: bool, capability: int) -> tuple[AttentionConfig, ...]:
    """Every config that a launch on this capability may choose, shortest segments first."""
    lengths = [*(limit for _, limit, _ in _table(dtype, causal, capability) if limit is not None), 1 << 30]
    chosen = (choose_config(head_size, dtype, causal, length, capability) for length in sorted(lengths))
    return tuple(dict.fromkeys(chosen))


def variant(
    head_size: int, dtype: torch.dtype, causal: bool, config: AttentionConfig, capabilities: tuple[int, ...]
) -> KernelVariant:
    """The variant that a config compiles to."""
    element = SHORT_NAMES[dtype]
    tensors = dict.fromkeys(("query", "key", "value", "output"), f"*{element}")
    tensors |= {"query_offsets": "*i32", "key_ranges": "*i32"}
    sizes = dict.fromkeys(("total_queries", "total_keys", "segments", "heads"), "i32")
    strides = {f"{name}_{axis}_stride": "i32" for name in ("query", "key", "value") for axis in ("row", "head")}
    constants: dict[str, Any] = {
        "CAUSAL": causal,
        "HEAD_SIZE": head_size,
        "QUERY_TILE": config.query_tile,
        "KEY_TILE": config.key_tile,
        "SEARCH": SEARCH,
    }
    shape = f"q{config.query_tile}_k{config.key_tile}_w{config.warps}_s{config.stages}"
    return KernelVariant(
        name=f"attention_{element}_d{head_size}_{shape}" + ("_causal" if causal else ""),
        kernel="videobert_kernels.ops.attention.triton_kernel:attention_kernel",
        arguments={**tensors, **sizes, "scale_log2": "fp32", **strides},
        aligned=(*tensors, *strides),
        constants=constants,
        warps=config.warps,
        stages=config.stages,
        capabilities=capabilities,
        serves={"dtype": (element,), "head_size": (head_size,), "causal": (causal,)},
    )


def variants() -> tuple[KernelVariant, ...]:
    """Every shipped (dtype, head size, mask, config), each with the capabilities whose table holds it."""
    made: list[KernelVariant] = []
    for dtype, head_size, causal in itertools.product(SHORT_NAMES, HEAD_SIZES, (False, True)):
        users: dict[AttentionConfig, list[int]] = {}
        for capability in CAPABILITIES:
            for config in shipped(head_size, dtype, causal, capability):
                users.setdefault(config, []).append(capability)
        made += [variant(head_size, dtype, causal, config, tuple(used)) for config, used in users.items()]
    return tuple(made)
