"""A tiny model with random weights, and a device that records work without having a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from videobert_modeling.models import VideoBert, tiny
from videobert_modeling.packed import PackedEncoder, packable

Batch = dict[str, npt.NDArray[np.int64]]


class CountingDevice:
    """Runs recorded work when it is replayed, in order, and writes down what it was asked for."""

    def __init__(self) -> None:
        self.buffers = 0
        self.records = 0
        self.requests: list[str] = []

    def on_host(self, size: int, dtype: torch.dtype) -> Tensor:
        self.buffers += 1
        return torch.zeros(size, dtype=dtype)

    on_device = on_host

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self.records += 1

        def replay() -> None:
            self.requests.append("replay")
            work()

        return replay

    def copy(self, target: Tensor, source: Tensor) -> None:
        self.requests.append("copy")
        target.copy_(source)

    def wait(self) -> None:
        self.requests.append("wait")


@pytest.fixture(scope="session")
def model() -> VideoBert:
    torch.manual_seed(5)
    model = VideoBert(tiny()).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and LayerNorm too, which start at 0 and 1
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def packed_encoder() -> Callable[..., PackedEncoder]:
    """Packs an encoder's module, on the CPU in float32 if nothing else is said."""

    def make(module: nn.Module, device: str = "cpu", dtype: torch.dtype = torch.float32, **more: Any) -> PackedEncoder:
        found = packable(module)
        assert not isinstance(found, str), found
        return PackedEncoder(found, device, dtype, **more)

    return make


@pytest.fixture
def counting() -> CountingDevice:
    return CountingDevice()


@pytest.fixture
def make_batch() -> Callable[..., Batch]:
    def make(*lengths: int, length: int | None = None) -> Batch:
        rng = np.random.default_rng(len(lengths))
        shape = (len(lengths), max(lengths) if length is None else length)
        config = tiny()
        return {
            "ids": rng.integers(config.vocabulary, size=shape),
            "segments": rng.integers(config.encoder.segments, size=shape),
            "lengths": np.array(lengths, np.int64),
        }

    return make
