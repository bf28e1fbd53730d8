"""What a plan says without a GPU, and what is not believed."""

from __future__ import annotations

import struct

import pytest

from videobert.base.errors import MismatchError
from videobert.engines.tensorrt.plan_info import Fusion, read_fusion, read_header


def plan(*, mask: int = 0b10100, version: tuple[int, ...] = (1, 7, 1, 116), body: bytes = b"", size: int = 0) -> bytes:
    content = bytearray(64) + body
    content[:4] = b"vtrt"
    struct.pack_into("<Q", content, 16, size or len(content))
    content[24:28] = bytes(version)
    struct.pack_into("<I", content, 32, mask)
    struct.pack_into("<Q", content, 56, 1234)
    return bytes(content)


def test_the_header_names_targets_version_and_sizes() -> None:
    header = read_header(plan(body=b"x" * 10))
    assert header.targets == ("8.6", "12.0")
    assert (header.version, header.size_bytes, header.weight_bytes, header.known) == ("1.7.1.116", 74, 1234, True)
    assert read_header(plan(mask=0b1111111)).targets == ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1", "newer")


@pytest.mark.parametrize("content", [b"", b"vtrt", b"ftrt" + bytes(100), plan()[1:]])
def test_other_files_are_no_plans(content: bytes) -> None:
    with pytest.raises(MismatchError, match="not a TensorRT-RTX plan"):
        read_header(content)


def test_a_plan_that_is_cut_or_longer_is_not_whole() -> None:
    for content in (plan(body=b"x" * 10)[:-1], plan() + b"x", plan(size=1 << 40)):
        with pytest.raises(MismatchError, match="not whole"):
            read_header(content)


def test_another_version_is_read_without_trust() -> None:
    content = plan(version=(1, 8, 0, 1), size=7, body=b"function={ name=_gemm_mha_v2")
    assert read_header(content).known is False
    assert read_fusion(content) is None


def test_kernels_are_counted_by_kind() -> None:
    body = b"".join(
        b"function={ name=%s }" % name for name in (b"_gemm_mha_v2", b"__myl_AddMul", b"_gemm_mha_v2", b"x")
    )
    assert read_fusion(plan(body=body)) == Fusion(attention=2, pointwise=1)
    assert read_fusion(plan(body=b"nothing named")) is None
