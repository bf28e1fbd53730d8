"""Which sets of instructions are tried: those that the processor has."""

from __future__ import annotations

import pytest

from benchmarks.int8 import processors


@pytest.mark.parametrize(
    ("has", "tried"),
    [
        ({"avx2"}, ["AVX2"]),
        ({"avx2", "avx_vnni"}, ["AVX2", "AVX2_VNNI"]),
        ({"avx2", "avx512bw", "avx512_vnni"}, ["AVX2", "AVX512_CORE", "AVX512_CORE_VNNI"]),
    ],
)
def test_sets_that_the_processor_lacks_are_left_out(
    monkeypatch: pytest.MonkeyPatch, has: set[str], tried: list[str]
) -> None:
    features = {name: name in has for name in processors.SETS.values()}
    monkeypatch.setattr(processors, "cpu_features", lambda: features)
    assert processors.usable_sets() == tried
