"""Where kernels are compiled, and for what."""

from __future__ import annotations

import pytest

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.compile.compilation import compile_variant
from videobert_kernels.errors import KernelError
from videobert_kernels.variant import CAPABILITIES, KernelVariant

SOUND = KernelVariant(
    name="scaled",
    kernel="planted.sound.triton_kernel:scaled",
    arguments={"values": "*fp32", "count": "i32"},
    constants={},
    capabilities=(90,),
)


def test_every_capability_has_limits() -> None:
    for capability in CAPABILITIES:
        assert 99 * 1024 <= architecture(capability).shared_bytes <= 227 * 1024
    with pytest.raises(KernelError, match="seen: 75"):
        architecture(75)


def test_an_interpreting_process_does_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(KernelError, match="cannot compile"):
        compile_variant(SOUND, 90)
