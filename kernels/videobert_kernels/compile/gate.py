"""The compile gate: every shipped variant compiles for every architecture and uses what the committed table says.

    python -m videobert_kernels.compile.gate             checks; exit code 1 and one line per fault
    python -m videobert_kernels.compile.gate --update    checks and writes the table

No GPU and no driver are needed. What was compiled before is taken from a cache whose key covers the kernel's source,
everything that it calls, the options, the architecture and Triton's version.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from videobert_kernels.compile.architectures import architecture
from videobert_kernels.compile.compilation import CompileError, Resources, compile_variant
from videobert_kernels.compile.registry import OPERATORS, all_variants
from videobert_kernels.compile.resource_table import TABLE, Rows, drift_of, faults_of, read_table, write_table
from videobert_kernels.errors import KernelError
from videobert_kernels.ops.dispatch import interpreting
from videobert_kernels.variant import CAPABILITIES, FP_FUSION, KernelVariant

# Counts as part of every cache key: raise it when what is measured changes its meaning.
_CACHE_FORMAT: Final = 1

Job = tuple[KernelVariant, int]
Outcome = Resources | str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the gate; 0 good, 1 faults found, 2 it cannot run."""
    asked = _parser().parse_args(arguments)
    if interpreting():
        print("the gate compiles kernels, which TRITON_INTERPRET=1 prevents: unset it", file=sys.stderr)
        return 2
    import triton

    started_s = time.monotonic()
    try:
        variants = all_variants(asked.package)
    except KernelError as error:
        print(error)
        return 1
    capabilities = set(asked.capability or CAPABILITIES)
    jobs = [(v, c) for v in variants for c in v.capabilities if c in capabilities]
    rows, faults, compiled = compile_all(asked.package, jobs, asked.cache, asked.jobs)
    faults += faults_of(variants, rows)
    if asked.update and capabilities < set(CAPABILITIES):
        faults.append("the table is written for all capabilities together")
    if asked.update and not faults:
        write_table(rows, triton.__version__, asked.table)
    elif not asked.update:
        faults += _drift(asked.table, rows, capabilities, triton.__version__)
    for fault in faults:
        print(fault)
    print(
        f"{len(variants)} variants, {len(jobs)} compilations, {compiled} of them new, "
        f"Triton {triton.__version__}, {time.monotonic() - started_s:.0f} s: "
        + (f"{len(faults)} faults" if faults else "good"),
        file=sys.stderr,
    )
    return 1 if faults else 0


def compile_all(package: str, jobs: Sequence[Job], cache: Path, processes: int) -> tuple[Rows, list[str], int]:
    """Resources of every job, what did not compile, and how many were not in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    rows: dict[tuple[str, int], Resources] = {}
    faults: list[str] = []
    new: list[tuple[Job, Path]] = []
    for variant, capability in jobs:
        try:
            entry = cache / f"{_key(variant, capability)}.json"
        except Exception as error:
            faults.append(f"{variant.name} cannot be loaded: {type(error).__name__}: {error}")
            continue
        known = _cached(entry)
        if known is None:
            new.append(((variant, capability), entry))
        else:
            rows[variant.name, capability] = known
    for (variant, capability), entry, outcome in _compiled(package, new, processes):
        if isinstance(outcome, str):
            faults.append(outcome)
            continue
        rows[variant.name, capability] = outcome
        _keep(entry, outcome)
    return rows, sorted(faults), len(new)


def _compiled(package: str, new: Sequence[tuple[Job, Path]], processes: int) -> Iterator[tuple[Job, Path, Outcome]]:
    """What the workers say, in the order in which they finish."""
    left = dict(enumerate(new))
    try:
        with _pool(processes) as pool:
            futures = {pool.submit(_work, package, v.name, c): number for number, ((v, c), _) in left.items()}
            for future in as_completed(futures):
                outcome = future.result()
                yield (*left.pop(futures[future]), outcome)
    except BrokenProcessPool:
        # The compiler took its process down. One process per job finds out which it was.
        for job, entry in list(left.values()):
            try:
                with _pool(1) as pool:
                    yield job, entry, pool.submit(_work, package, job[0].name, job[1]).result()
            except BrokenProcessPool:
                yield job, entry, f"{job[0].name} on {architecture(job[1]).target} crashes the compiler"


def _pool(processes: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


_variants = functools.cache(all_variants)


def _work(package: str, name: str, capability: int) -> Outcome:
    (variant,) = (variant for variant in _variants(package) if variant.name == name)
    with tempfile.TemporaryDirectory() as scratch:
        # The gate has a cache of its own; Triton's would grow in the user's home.
        os.environ["TRITON_CACHE_DIR"] = scratch
        try:
            return compile_variant(variant, capability).resources
        except CompileError as error:
            return str(error)
        except Exception as error:
            return f"{name} on {architecture(capability).target}: {type(error).__name__}: {error}"


def _key(variant: KernelVariant, capability: int) -> str:
    import triton

    parts = [
        _CACHE_FORMAT,
        triton.__version__,
        FP_FUSION,
        capability,
        variant.load().cache_key,
        sorted(variant.arguments.items()),
        sorted((name, repr(value)) for name, value in variant.constants.items()),
        sorted(variant.aligned),
        variant.warps,
        variant.stages,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def _cached(entry: Path) -> Resources | None:
    try:
        return Resources(**json.loads(entry.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _keep(entry: Path, resources: Resources) -> None:
    partial = entry.with_suffix(f".{os.getpid()}")
    partial.write_text(json.dumps(asdict(resources)))
    partial.replace(entry)


def _drift(path: Path, rows: Rows, capabilities: set[int], triton_version: str) -> list[str]:
    try:
        recorded, fp_fusion, table = read_table(path)
    except KernelError as error:
        return [str(error)]
    if recorded != triton_version:
        print(f"not compared with the table, which is of Triton {recorded}", file=sys.stderr)
        return []
    faults = drift_of({key: used for key, used in table.items() if key[1] in capabilities}, rows)
    if fp_fusion is not FP_FUSION:
        faults.append(f"the committed table is of FP fusion {fp_fusion}, the kernels of {FP_FUSION}")
    return faults and [*faults, "if this is meant: python -m videobert_kernels.compile.gate --update"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m videobert_kernels.compile.gate", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--update", action="store_true", help="write the table instead of comparing with it")
    parser.add_argument("--package", default=OPERATORS, help="whose operators are compiled")
    parser.add_argument("--table", type=Path, default=TABLE, help="the committed table")
    parser.add_argument(
        "--capability", type=int, choices=CAPABILITIES, action="append", help="only this one; repeatable"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes that compile")
    parser.add_argument("--cache", type=Path, default=_default_cache(), help="what was compiled before")
    return parser


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "videobert_kernels" / "gate"


if __name__ == "__main__":
    sys.exit(main())
