"""Which tests of the run side need the modeling side is found in their text, and is a short, known list."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.needs_modeling import functions_that_need_it, needs_modeling

RUN_SIDE = Path(__file__).parent / "runtime"
# Files that an environment without torch and onnx leaves out, as a whole or in part. Each stands here because it holds
# the run side against the modeling side, or tests a door; a file that stands here without need goes.
KNOWN = {
    "base/test_offline_imports.py",
    "check/test_folder_check.py",
    "cli/parser/test_help_examples.py",
    "cli/test_end_to_end.py",
    "cli/verbs/test_import.py",
    "cli/verbs/test_train.py",
    "cuda/test_build.py",
    "engines/tensorrt/conftest.py",
    "engines/test_external_tensors.py",
    "engines/test_torch_engine.py",
    "model/test_stage.py",
    "families/test_build_check.py",
    "get/layouts/test_i3d.py",
    "get/test_torch_file.py",
    "serve/triton/test_repository.py",
    "visual/test_nearest.py",
}


def test_no_other_test_of_the_run_side_needs_the_modeling_side() -> None:
    needing = {path.relative_to(RUN_SIDE).as_posix() for path in RUN_SIDE.rglob("*.py") if functions_that_need_it(path)}
    assert needing == KNOWN


@pytest.mark.parametrize(
    ("text", "needing"),
    [
        ("import torch", {""}),
        ("try:\n    from onnx import helper\nexcept ImportError:\n    pass", {""}),
        ("import pytest\npytest.importorskip('torch')", {""}),
        ("class TestIt:\n    import videobert_modeling.models", {""}),
        ("def test_it():\n    import videobert_kernels", {"test_it"}),
        ("def test_it():\n    torch = pytest.importorskip('torch')", {"test_it"}),
        ("class TestIt:\n    def test_it(self):\n        import torch", {"TestIt"}),
        ("def _make():\n    import torch\ndef make():\n    return _make\ndef test_it():\n    make()()", None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch", set()),
        ("import numpy\ndef test_it():\n    import videobert", set()),
    ],
)
def test_what_needs_it_is_seen(text: str, needing: set[str] | None, tmp_path: Path) -> None:
    path = tmp_path / "test_planted.py"
    path.write_text(text)
    assert functions_that_need_it(path) == ({"_make", "make", "test_it"} if needing is None else needing)


def _plain() -> None: ...


def _by_torch() -> None:
    import torch  # noqa: F401


def test_a_fixture_that_needs_it_counts_like_the_test() -> None:
    assert not needs_modeling(_plain, iter([_plain]))
    assert needs_modeling(_by_torch, iter([]))
    assert needs_modeling(_plain, iter([_plain, _by_torch]))
