"""Kernel tests run interpreted on the CPU, or on a GPU where there is one; they do not need videobert."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    # Read by Triton when a kernel's module is imported, so it is set before any is.
    os.environ["TRITON_INTERPRET"] = "1"
    if "triton" in sys.modules:
        raise pytest.UsageError("tests/kernels run in a pytest process of their own: Triton was imported before them")

_BAND = 64


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_cuda: bf16 and machine code; the interpreter computes bf16 wrongly")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if DEVICE == "cuda":
        return
    if os.environ.get("VIDEOBERT_NEEDS_GPU") == "1":
        raise pytest.UsageError("VIDEOBERT_NEEDS_GPU=1, but torch sees no GPU")
    skip = pytest.mark.skip(reason="needs a GPU: Triton's interpreter computes bf16 wrongly")
    for item in items:
        if item.get_closest_marker("needs_cuda"):
            item.add_marker(skip)


@pytest.fixture
def device() -> str:
    """`"cuda"` where there is a GPU, else `"cpu"`, which means interpreted."""
    return DEVICE


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """Repeatable random numbers, and the generator's state back afterwards."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    yield
    torch.set_rng_state(state)


@pytest.fixture(autouse=True)
def poisoned_and_fenced(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every buffer that the package allocates starts as NaN (or the lowest integer) between two canary bands.

    An element that no kernel writes cannot pass a comparison, and a write outside a buffer is found at the end of the
    test.
    """
    fences: list[tuple[torch.Tensor, torch.Tensor]] = []
    plain = torch.empty

    def fenced(*size: Any, **options: Any) -> torch.Tensor:
        shape = torch.Size(size[0] if len(size) == 1 and not isinstance(size[0], int) else size)
        if not str(sys._getframe(1).f_globals.get("__name__", "")).startswith("videobert_kernels"):
            return plain(*size, **options)
        options.pop("memory_format", None)
        buffer = plain(shape.numel() + 2 * _BAND, **options)
        buffer.view(torch.uint8).fill_(0xA5)
        inner = buffer[_BAND : buffer.numel() - _BAND]
        inner.fill_(float("nan") if buffer.is_floating_point() else 0)
        if not buffer.is_floating_point() and buffer.dtype is not torch.bool:
            inner.fill_(torch.iinfo(buffer.dtype).min)
        fences.append((buffer, inner))
        return inner.view(shape)

    monkeypatch.setattr(torch, "empty", fenced)
    yield
    monkeypatch.undo()
    for buffer, inner in fences:
        bytes_ = buffer.view(torch.uint8).cpu()
        band = _BAND * inner.element_size()
        assert (bytes_[:band] == 0xA5).all(), "written before the start of a buffer"
        assert (bytes_[len(bytes_) - band :] == 0xA5).all(), "written past the end of a buffer"


@pytest.fixture
def assert_close() -> Callable[..., None]:
    """The tolerance rule: at most twice the error that plain torch makes in the same dtype, plus one rounding unit."""

    def check(actual: torch.Tensor, same_dtype: torch.Tensor, exact: torch.Tensor) -> None:
        """All of one shape: what is tested, plain torch in the same dtype, and float64."""
        assert actual.shape == exact.shape
        if actual.numel() == 0:
            return
        assert torch.isfinite(actual).all(), "NaN or Inf in the output"
        scale = exact.abs().max().item()
        allowed = 2 * (same_dtype.double() - exact).abs().max().item() + torch.finfo(actual.dtype).eps * max(
            scale, 1e-30
        )
        error = (actual.double() - exact).abs().max().item()
        assert error <= allowed, f"error {error:.3g}, allowed {allowed:.3g}"

    return check
