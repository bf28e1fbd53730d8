"""What importing costs: heavy libraries and the modeling side are loaded on first use, never before."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

import pytest
from tests.architecture.house import House, imports

# Paid for on first use only.
LAZY = {"av", "openvino", "tokenizers", "safetensors", "rich", "typer"}
# Reached through doors, which pyproject.toml names ([tool.importlinter]); a door is opened when it is used.
MODELING_SIDE = {"torch", "triton", "transformers", "onnx", "onnxscript", "onnxruntime", "sklearn", "cv2"} | {
    "videobert_modeling",
    "videobert_kernels",
}


def eager(house: House) -> dict[str, set[str]]:
    """What the run side's files take from the modeling side as soon as they are imported."""
    found = {}
    for path in house.sources(house.runtime):
        reached = {name.split(".")[0] for name in imports(house, path, top_level_only=True)} & MODELING_SIDE
        if reached:
            found[house.shown(path)] = reached
    return found


def test_the_doors_are_lazy(house: House) -> None:
    assert not eager(house)


@pytest.mark.parametrize(
    "code",
    ["import torch", "if True:\n    from onnx import helper", "class Door:\n    import videobert_modeling.models"],
)
def test_a_door_that_stands_open_is_seen(code: str, copy: House) -> None:
    copy.plant("runtime/videobert/engines/planted.py", code)
    assert "runtime/videobert/engines/planted.py" in eager(copy)


def run_python(code: str, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, **env}, timeout=120
    )
    return done.stdout.strip()


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = run_python("import sys, videobert; print(*sorted({n.split('.')[0] for n in sys.modules}))").split()
    assert not set(loaded) & (LAZY | MODELING_SIDE)


@pytest.mark.alone
def test_importing_the_package_costs_what_numpy_costs() -> None:
    code = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
    pairs = [(float(run_python(code.format("videobert"))), float(run_python(code.format("numpy")))) for _ in range(5)]
    ours, numpys = (statistics.median(column) for column in zip(*pairs, strict=True))
    assert ours <= max(0.2, 1.2 * numpys), f"videobert {ours:.3f} s, numpy {numpys:.3f} s"


def test_every_public_name_is_there() -> None:
    import videobert

    for name in videobert.__all__:
        assert getattr(videobert, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'caption_everything'"):
        _ = videobert.caption_everything
