"""Which GPUs can be asked for, and which arithmetic each of them has, before any builder runs."""

from __future__ import annotations

import pytest

from videobert.base.errors import InputError
from videobert.engines.tensorrt.build.targets import CAPABILITIES, capabilities_to_build, capabilities_with
from videobert.model.precision import GRAPH_PRECISIONS


def test_all_targets_that_have_the_precision_are_listed_by_name() -> None:
    assert (
        capabilities_to_build(None, "fp16")
        == capabilities_to_build(None, "int8")
        == ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1")
    )
    assert (
        capabilities_to_build(None, "bf16")
        == capabilities_to_build(None, "fp32")
        == ("8.0", "8.6", "8.9", "12.0", "12.1")
    )
    assert capabilities_to_build(None, "fp8") == ("8.9", "12.0", "12.1")
    assert capabilities_to_build(["12.0", "8.6", "12.0"], "fp16") == ("8.6", "12.0")


@pytest.mark.parametrize(
    ("targets", "precision", "said"),
    [
        (["7.5", "8.6"], "bf16", "got 7.5"),
        (["7.5"], "fp32", "got 7.5"),
        (["8.0", "8.6", "8.9"], "fp8", "got 8.0, 8.6"),
        (["9.0"], "fp16", "got 9.0"),
        (["8.6", "sm_86"], "fp16", "got sm_86"),
        ([], "fp16", "no target was given"),
        (["8.6"], "fp64", "got fp64"),
    ],
)
def test_what_a_gpu_lacks_is_refused_by_name(targets: list[str], precision: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        capabilities_to_build(targets, precision)


def test_every_precision_has_a_target() -> None:
    for precision in GRAPH_PRECISIONS:
        assert set(capabilities_with(precision)) <= set(CAPABILITIES)
        assert "12.0" in capabilities_with(precision)
