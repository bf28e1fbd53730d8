"""The compile gate finds what is planted, and does not work twice."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import videobert_kernels
import videobert_kernels.compile.gate as gate_module
from videobert_kernels.compile.compilation import Resources
from videobert_kernels.compile.resource_table import write_table
from videobert_kernels.variant import KernelVariant

HERE = Path(__file__).parent
USED = Resources(registers=32, stack_bytes=0, shared_bytes=1024)


def gate(*arguments: object, package: str) -> subprocess.CompletedProcess[str]:
    """The gate in a process that compiles: this one may be interpreting."""
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    env["PYTHONPATH"] = os.pathsep.join([str(HERE), str(Path(videobert_kernels.__path__[0]).parent)])
    command = [sys.executable, "-m", "videobert_kernels.compile.gate", "--package", package, *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=280)


@pytest.mark.slow
def test_every_planted_fault_is_found(tmp_path: Path) -> None:
    ended = gate("--table", tmp_path / "table.json", "--cache", tmp_path / "cache", package="planted")
    assert ended.returncode == 1
    lines = ended.stdout.splitlines()
    for beginning in (
        "cannot_be_loaded cannot be loaded: AttributeError",
        "declares_too_little does not give every parameter once",
        "does_not_compile does not compile for capability 90; seen: CompilationError",
        "spills on cuda-sm80 uses ",
        "too_much_shared_memory on cuda-sm86 uses 114688 bytes of shared memory; the limit is 101376",
        "the resource table cannot be read",
    ):
        assert sum(line.startswith(beginning) for line in lines) == 1, ended.stdout
    assert len(lines) == 6
    assert not (tmp_path / "table.json").exists()


@pytest.mark.slow
def test_nothing_is_compiled_twice(tmp_path: Path) -> None:
    options = ("--table", tmp_path / "table.json", "--cache", tmp_path / "cache", "--jobs", 1)
    first = gate(*options, "--update", package="planted.only_sound")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "3 compilations, 3 of them new" in first.stderr
    again = gate(*options, package="planted.only_sound")
    assert (again.returncode, again.stdout) == (0, "")
    assert "3 compilations, 0 of them new" in again.stderr


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The gate in this process, with `planted.only_sound` already compiled to known figures; its table is `t.json`."""
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setattr(gate_module, "interpreting", lambda: False)
    rows = {("scaled_fp32", capability): USED for capability in (80, 90, 120)}

    def compile_all(_package: str, jobs: Sequence[tuple[KernelVariant, int]], *_: object) -> tuple[Any, list[str], int]:
        return {key: rows[key] for key in ((variant.name, capability) for variant, capability in jobs)}, [], 0

    monkeypatch.setattr(gate_module, "compile_all", compile_all)
    write_table(rows, importlib.metadata.version("triton"), tmp_path / "t.json")
    return lambda *more: gate_module.main(
        ["--package", "planted.only_sound", "--table", str(tmp_path / "t.json"), *more]
    )


def test_a_table_that_agrees_passes_whole_and_in_part(stubbed: Callable[..., int]) -> None:
    assert stubbed() == 0
    assert stubbed("--capability", "90") == 0


def test_a_drifted_table_is_found(
    stubbed: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.json"
    content = json.loads(table.read_text())
    content["variants"]["scaled_fp32"]["90"][0] += 1
    content["variants"]["gone"] = {"80": [8, 0, 0, 0]}
    content["fp_fusion"] = False
    table.write_text(json.dumps(content))
    assert stubbed() == 1
    assert capsys.readouterr().out.splitlines() == [
        "gone on cuda-sm80 is in the committed table and not shipped",
        "scaled_fp32 on cuda-sm90 uses [32, 0, 1024, 0]; the committed table says [33, 0, 1024, 0]",
        "the committed table is of FP fusion False, the kernels of True",
        "if this is meant: python -m videobert_kernels.compile.gate --update",
    ]
    assert stubbed("--update") == 0
    assert stubbed() == 0


def test_the_table_of_another_triton_is_not_compared(
    stubbed: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table({}, "3.0.0", tmp_path / "t.json")
    assert stubbed() == 0
    assert "which is of Triton 3.0.0" in capsys.readouterr().err


def test_a_part_of_the_table_is_not_written(stubbed: Callable[..., int], tmp_path: Path) -> None:
    before = (tmp_path / "t.json").read_bytes()
    assert stubbed("--update", "--capability", "90") == 1
    assert (tmp_path / "t.json").read_bytes() == before
