"""The committed table of what every shipped kernel uses on every architecture, and what the gate says about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.compile.compilation import Resources
from videobert_kernels.errors import KernelError
from videobert_kernels.variant import FP_FUSION, KernelVariant

# By variant and capability.
Rows = Mapping[tuple[str, int], Resources]

TABLE: Final = Path(__file__).with_name("resources.json")
MOST_STACK_BYTES: Final = 128


def faults_of(variants: Sequence[KernelVariant], rows: Rows) -> list[str]:
    """What is wrong with what was compiled: shared memory over the limit, registers on the stack."""
    faults = []
    for variant in variants:
        for capability in variant.capabilities:
            used = rows.get((variant.name, capability))
            if used is None:
                continue
            limits = architecture(capability)
            stack_limit = 0 if variant.default else MOST_STACK_BYTES
            for what, seen, limit in (
                ("bytes of shared memory", used.shared_bytes, limits.shared_bytes),
                ("bytes of stack", used.stack_bytes, stack_limit),
                ("registers", used.registers, limits.registers),
                ("columns of tensor memory", used.tensor_memory_columns, limits.tensor_memory_columns),
            ):
                if seen > limit:
                    faults.append(f"{variant.name} on {limits.target} uses {seen} {what}; the limit is {limit}")
    return faults


def drift_of(table: Rows, rows: Rows) -> list[str]:
    """Where the committed table and what was compiled differ."""
    faults = []
    for name, capability in sorted(set(table) | set(rows)):
        committed, compiled = table.get((name, capability)), rows.get((name, capability))
        where = f"{name} on {architecture(capability).target}"
        if committed is None:
            faults.append(f"{where} is not in the committed table")
        elif compiled is None:
            faults.append(f"{where} is in the committed table and not shipped")
        elif committed != compiled:
            faults.append(f"{where} uses {_cells(compiled)}; the committed table says {_cells(committed)}")
    return faults


def read_table(path: Path = TABLE) -> tuple[str, bool, Rows]:
    """Triton version, FP-fusion flag and rows of a committed table.

    Raises:
        KernelError: there is none, or it is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = {
            (name, int(capability)): Resources(**dict(zip(content["columns"], cells, strict=True)))
            for name, by_capability in content["variants"].items()
            for capability, cells in by_capability.items()
        }
        return content["triton"], content["fp_fusion"], rows
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KernelError("the resource table cannot be read", seen=f"{path.name}: {error}") from error


def write_table(rows: Rows, triton_version: str, path: Path = TABLE) -> None:
    """Write the table, one line for each variant, so that a difference can be read."""
    lines = []
    for name in sorted({name for name, _ in rows}):
        cells = {str(capability): _cells(rows[name, capability]) for n, capability in sorted(rows) if n == name}
        lines.append(f"    {json.dumps(name)}: {json.dumps(cells)}")
    columns = json.dumps(list(Resources.__dataclass_fields__))
    header = f'  "triton": "{triton_version}",\n  "fp_fusion": {json.dumps(FP_FUSION)},\n  "columns": {columns},\n'
    body = ",\n".join(lines)
    path.write_text("{\n" + header + '  "variants": {\n' + (body + "\n" if body else "") + "  }\n}\n", encoding="utf-8")


def _cells(used: Resources) -> list[int]:
    return [used.registers, used.stack_bytes, used.shared_bytes, used.tensor_memory_columns]
