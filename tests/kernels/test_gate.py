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
from videobert_kernels.compile.architectures import architecture
from videobert_kernels.compile.compilation import Resources, compile_variant
from videobert_kernels.compile.registry import all_variants, operators
from videobert_kernels.compile.resource_table import drift_of, faults_of, read_table, write_table
from videobert_kernels.errors import KernelError
from videobert_kernels.variant import CAPABILITIES, KernelVariant

HERE = Path(__file__).parent
SOUND = KernelVariant(
    name="scaled",
    kernel="planted.sound.triton_kernel:scaled",
    arguments={"values": "*fp32", "count": "i32"},
    constants={},
    capabilities=(90,),
)
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


def test_every_capability_has_limits() -> None:
    for capability in CAPABILITIES:
        assert 99 * 1024 <= architecture(capability).shared_bytes <= 227 * 1024
    with pytest.raises(KernelError, match="seen: 75"):
        architecture(75)


def test_operators_are_found_by_their_configs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    assert operators("planted") == ("broken", "sound")
    assert {"spills", "scaled_fp32"} < {variant.name for variant in all_variants("planted")}


@pytest.mark.parametrize("name", ["Upper", "../up", "", "a" * 101])
def test_a_name_that_cannot_be_a_file_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    from planted.sound import configs

    monkeypatch.setattr(configs, "variants", lambda: (KernelVariant(name=name, kernel="", arguments={}, constants={}),))
    with pytest.raises(KernelError, match="not a name"):
        all_variants("planted")


def test_two_variants_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    from planted.sound import configs

    monkeypatch.setattr(configs, "variants", lambda: (SOUND, SOUND))
    with pytest.raises(KernelError, match="two kernel variants"):
        all_variants("planted")


def test_an_interpreting_process_does_not_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    with pytest.raises(KernelError, match="cannot compile"):
        compile_variant(SOUND, 90)
