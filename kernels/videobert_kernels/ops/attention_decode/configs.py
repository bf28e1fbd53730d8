"""How decoding splits the keys, by what the host knows: head size, dtype and the capacity of the cache.

Splits depend on the capacity, not on the batch, so that a sequence is answered bit for bit alike alone and among
others. They are short: 16 KiB of keys and values at head size 64 in half precision, so that one sequence of 512 keys
and 12 heads already keeps 96 programs reading. Long caches take longer splits, to bound what is left to combine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch

from videobert_kernels.ops.attention.configs import HEAD_SIZES
from videobert_kernels.ops.checks import SHORT_NAMES
from videobert_kernels.variant import KernelVariant

_MODULE: Final = "videobert_kernels.ops.attention_decode.triton_kernel"


@dataclass(frozen=True, slots=True)
class DecodeConfig:
    """One way to run the kernels.

    Args:
        keys_per_split: keys a program answers.
        key_tile: keys a program takes at a time.
        split_tile: splits that are combined at a time.
        warps: of a program.
    """

    keys_per_split: int
    key_tile: int
    split_tile: int
    warps: int


def choose_config(head_size: int, dtype: torch.dtype, capacity: int) -> DecodeConfig:
    """The config for a launch. No clock is read: equal calls run equal code."""
    key_tile = 32 if head_size == 128 else 64
    return DecodeConfig(keys_per_split=64 if capacity <= 1024 else 256, key_tile=key_tile, split_tile=16, warps=4)


def shipped(head_size: int, dtype: torch.dtype) -> tuple[DecodeConfig, ...]:
    """Every config that a launch may choose, shortest caches first."""
    return tuple(dict.fromkeys(choose_config(head_size, dtype, capacity) for capacity in (1, 1 << 30)))


def variants() -> tuple[KernelVariant, ...]:
    """Every shipped (kernel, dtype, head size, config)."""
    made: list[KernelVariant] = []
    for dtype, element in SHORT_NAMES.items():
        for head_size in HEAD_SIZES:
            # Configs of one head size and dtype differ in run-time arguments only.
            config = choose_config(head_size, dtype, 1)
            made.append(_split(element, head_size, config))
            made.append(_combine(element, head_size, config))
            made.append(_append(element, head_size))
    return tuple(made)


def _serves(element: str, head_size: int) -> dict[str, tuple[object, ...]]:
    return {"dtype": (element,), "head_size": (head_size,), "causal": (True,)}


def _strides(*names: str) -> dict[str, str]:
    return {f"{name}_stride": "i32" for name in names}


def _split(element: str, head_size: int, config: DecodeConfig) -> KernelVariant:
    data = dict.fromkeys(("query", "key_cache", "value_cache"), f"*{element}")
    parts = {"lengths": "*i32", **dict.fromkeys(("partial", "peaks", "totals"), "*fp32")}
    sizes = dict.fromkeys(("capacity", "heads", "splits", "keys_per_split"), "i32")
    caches = (f"{name}_{axis}" for name in ("key", "value") for axis in ("batch", "row", "head"))
    strides = _strides("query_batch", "query_head", *caches)
    constants: dict[str, Any] = {"HEAD_SIZE": head_size, "KEY_TILE": config.key_tile}
    return KernelVariant(
        name=f"attention_decode_split_{element}_d{head_size}",
        kernel=f"{_MODULE}:decode_split_kernel",
        arguments={**data, **parts, **sizes, "scale_log2": "fp32", **strides},
        aligned=(*data, *parts, *strides),
        constants=constants,
        warps=config.warps,
        serves=_serves(element, head_size),
    )


def _combine(element: str, head_size: int, config: DecodeConfig) -> KernelVariant:
    tensors = {**dict.fromkeys(("partial", "peaks", "totals"), "*fp32"), "lengths": "*i32", "output": f"*{element}"}
    sizes = dict.fromkeys(("capacity", "heads", "splits", "keys_per_split"), "i32")
    return KernelVariant(
        name=f"attention_decode_combine_{element}_d{head_size}",
        kernel=f"{_MODULE}:decode_combine_kernel",
        arguments={**tensors, **sizes, "scale_log2": "fp32"},
        aligned=tuple(tensors),
        constants={"HEAD_SIZE": head_size, "SPLIT_TILE": config.split_tile},
        warps=config.warps,
        serves=_serves(element, head_size),
    )


def _append(element: str, head_size: int) -> KernelVariant:
    tensors = dict.fromkeys(("key", "value", "key_cache", "value_cache"), f"*{element}") | {"lengths": "*i32"}
    caches = (f"{name}_cache_{axis}" for name in ("key", "value") for axis in ("batch", "row", "head"))
    strides = _strides("key_batch", "key_head", "value_batch", "value_head", *caches)
    return KernelVariant(
        name=f"attention_append_{element}_d{head_size}",
        kernel=f"{_MODULE}:append_kernel",
        arguments={**tensors, "capacity": "i32", "heads": "i32", **strides},
        aligned=(*tensors, *strides),
        constants={"HEAD_SIZE": head_size},
        warps=1,
        serves=_serves(element, head_size),
    )
