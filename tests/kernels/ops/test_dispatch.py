"""Which implementation runs, and what is said when none can."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from videobert_kernels.errors import KernelError
from videobert_kernels.ops import dispatch
from videobert_kernels.ops.dispatch import choose


def test_the_reference_runs_when_it_is_asked_for(device: str) -> None:
    assert choose("reference", torch.zeros(1, device=device)) == "reference"


def test_auto_is_the_kernel_where_kernels_run(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose("auto", torch.zeros(1, device=device)) == "triton"
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    assert choose("auto", torch.zeros(1)) == "reference"


def test_a_kernel_that_cannot_run_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    with pytest.raises(KernelError, match=r"seen: cpu; allowed: cuda\. Move the tensors"):
        choose("triton", torch.zeros(1))


def test_without_triton_kernels_are_not_replaced_silently(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    if device == "cpu":
        monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(dispatch, "HAS_TRITON", False)
    with pytest.raises(KernelError, match="Triton is not installed"):
        choose("auto", torch.zeros(1, device=device))


def test_nothing_is_searched_for_while_an_operator_runs(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """torch.compile looks inside; torch 2.11 gives up at the search for a module."""

    def search(name: str) -> None:
        raise AssertionError(f"searched for {name}")

    monkeypatch.setattr(importlib.util, "find_spec", search)
    assert choose("auto", torch.zeros(1, device=device)) == "triton"


def test_an_unknown_backend_is_named() -> None:
    with pytest.raises(KernelError, match="seen: cuda; allowed: auto, triton, reference"):
        choose("cuda", torch.zeros(1))  # type: ignore[arg-type]
