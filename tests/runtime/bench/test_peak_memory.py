"""The peak of a process is its own, whoever started it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from videobert.bench import peak_memory
from videobert.bench.peak_memory import peak_memory_bytes

_HELD = 300 << 20


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel's own figure is asked for")
def test_what_the_starting_process_held_does_not_count() -> None:
    held = np.ones(_HELD, np.uint8)
    assert (peak_memory_bytes() or 0) > held.nbytes
    code = "from videobert.bench.peak_memory import peak_memory_bytes; print(peak_memory_bytes())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert 1 << 20 < int(done.stdout) < _HELD


def test_without_the_kernel_s_figure_the_general_one_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peak_memory, "_STATUS", tmp_path / "none")
    assert (peak_memory_bytes() or 0) > 1 << 20
    (tmp_path / "other").write_text("Name:\tpython\n")
    monkeypatch.setattr(peak_memory, "_STATUS", tmp_path / "other")
    assert (peak_memory_bytes() or 0) > 1 << 20
