"""The committed table: what is over a limit, what has drifted, and what is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from videobert_kernels.compile.compilation import Resources
from videobert_kernels.compile.resource_table import drift_of, faults_of, read_table, write_table
from videobert_kernels.errors import KernelError
from videobert_kernels.variant import KernelVariant

USED = Resources(registers=32, stack_bytes=0, shared_bytes=1024)


@pytest.mark.parametrize(
    ("used", "default", "fault"),
    [
        (USED, True, None),
        (Resources(registers=255, stack_bytes=0, shared_bytes=227 * 1024), True, None),
        (Resources(registers=32, stack_bytes=0, shared_bytes=227 * 1024 + 1), True, "shared memory"),
        (Resources(registers=32, stack_bytes=8, shared_bytes=0), True, "8 bytes of stack; the limit is 0"),
        (Resources(registers=32, stack_bytes=128, shared_bytes=0), False, None),
        (Resources(registers=32, stack_bytes=136, shared_bytes=0), False, "136 bytes of stack; the limit is 128"),
        (Resources(registers=32, stack_bytes=0, shared_bytes=0, tensor_memory_columns=1), True, "tensor memory"),
    ],
)
def test_limits_hold_to_the_byte(used: Resources, default: bool, fault: str | None) -> None:
    variant = KernelVariant(name="v", kernel="a.b.c:d", arguments={}, constants={}, default=default, capabilities=(90,))
    found = faults_of([variant], {("v", 90): used})
    assert len(found) == (fault is not None)
    assert fault is None or fault in found[0]


def test_a_table_survives_being_written(tmp_path: Path) -> None:
    rows = {("a", 80): USED, ("a", 120): Resources(registers=1, stack_bytes=2, shared_bytes=3), ("b", 90): USED}
    write_table(rows, "3.7.1", tmp_path / "t.json")
    version, fp_fusion, back = read_table(tmp_path / "t.json")
    assert (version, fp_fusion, back) == ("3.7.1", True, rows)
    assert drift_of(back, rows) == []
    assert drift_of({}, {("a", 80): USED}) == ["a on cuda-sm80 is not in the committed table"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"triton": "3", "fp_fusion": true, "columns": ["x"]}'])
def test_a_damaged_table_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(KernelError, match="cannot be read"):
        read_table(tmp_path / "t.json")
