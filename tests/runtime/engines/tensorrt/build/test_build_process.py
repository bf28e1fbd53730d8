"""The builder in its own process: whatever happens there, here it is a plan or one typed error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from videobert.base.errors import BuildError, EngineUnavailable
from videobert.engines.tensorrt.build import build_process
from videobert.engines.tensorrt.build.build_process import BuildLimits, run_build
from videobert.engines.tensorrt.plan_info import read_header

# A module that stands in for the builder's process: it sleeps, eats memory, or writes nonsense.
SLEEPS = "import sys, time; print('about to sleep', file=sys.stderr, flush=True); time.sleep(60)"
EATS = "x = bytearray(400 << 20); x[::4096] = bytes(len(x[::4096])); import time; time.sleep(60)"
SILENT = "import sys; print('not json', flush=True); sys.exit(3)"
CLAIMS = "import json; print(json.dumps({'result': {}}))"


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    def replace(code: str) -> None:
        (tmp_path / "stand_in.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, sys.path)]))
        monkeypatch.setattr(build_process, "_CHILD", "stand_in")

    return replace


def test_a_plan_comes_back_with_what_the_builder_said(
    rtx: None, tmp_path: Path, product_graph: Any, request_for: Any
) -> None:
    phases: list[tuple[str, int, int]] = []
    built = run_build(
        request_for(product_graph(tmp_path / "g.onnx"), "x"), BuildLimits(), lambda *step: phases.append(step)
    )
    assert read_header(built.plan).targets == ("8.6",)
    assert built.result.version == read_header(built.plan).version
    assert built.result.attentions == 0
    assert 50 << 20 < built.peak_memory_bytes < 3 << 30
    assert phases
    assert all(done <= total for _, done, total in phases)


def test_a_crash_of_the_builder_is_an_error_and_the_next_build_works(
    rtx: None, tmp_path: Path, crashing_graph: Any, product_graph: Any, request_for: Any
) -> None:
    with pytest.raises(BuildError, match=r"made no engine from crash\.onnx; got it crashed \(SIGSEGV\)") as caught:
        run_build(request_for(crashing_graph(tmp_path / "crash.onnx")), BuildLimits())
    assert caught.value.exit_code == 4
    assert run_build(request_for(product_graph(tmp_path / "g.onnx"), "x"), BuildLimits()).plan


def test_a_graph_that_does_not_parse_is_an_error_with_the_log(rtx: None, tmp_path: Path, request_for: Any) -> None:
    (tmp_path / "g.onnx").write_bytes(b"not a graph")
    with pytest.raises(BuildError) as caught:
        run_build(request_for(tmp_path / "g.onnx"), BuildLimits())
    assert "error" in caught.value.log


def test_an_input_that_the_plan_would_ignore_is_an_error(
    rtx: None, tmp_path: Path, product_graph: Any, request_for: Any
) -> None:
    graph = product_graph(tmp_path / "g.onnx", unused=True)
    with pytest.raises(BuildError, match="does not use its inputs spare"):
        run_build(request_for(graph, "x", "spare"), BuildLimits())


def test_a_profile_for_other_inputs_is_an_error(
    rtx: None, tmp_path: Path, product_graph: Any, request_for: Any
) -> None:
    with pytest.raises(BuildError, match="inputs are"):
        run_build(request_for(product_graph(tmp_path / "g.onnx"), "x", "spare"), BuildLimits())


def test_a_build_that_takes_too_long_is_stopped(child: Any, tmp_path: Path, request_for: Any) -> None:
    child(SLEEPS)
    began = time.monotonic()
    with pytest.raises(BuildError, match="took longer than 2 s") as caught:
        run_build(request_for(tmp_path / "g.onnx"), BuildLimits(time_s=2.0))
    assert time.monotonic() - began < 30
    assert "about to sleep" in caught.value.log


def test_a_build_that_takes_too_much_memory_is_stopped(child: Any, tmp_path: Path, request_for: Any) -> None:
    child(EATS)
    with pytest.raises(BuildError, match=r"more than 0\.2 GiB of memory"):
        run_build(request_for(tmp_path / "g.onnx"), BuildLimits(memory_bytes=200 << 20))


@pytest.mark.parametrize("code", [SILENT, CLAIMS])
def test_a_child_that_brings_no_plan_is_an_error(code: str, child: Any, tmp_path: Path, request_for: Any) -> None:
    child(code)
    with pytest.raises(BuildError, match="exit code"):
        run_build(request_for(tmp_path / "g.onnx"), BuildLimits())


def test_a_missing_package_names_its_command(tmp_path: Path, product_graph: Any, request_for: Any) -> None:
    with pytest.raises(EngineUnavailable, match=r"pip install.*videobert\[tensorrt\]"):
        run_build(request_for(product_graph(tmp_path / "g.onnx"), "x", target="tensorrt"), BuildLimits())
