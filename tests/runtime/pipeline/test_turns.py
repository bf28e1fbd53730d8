"""Where threads are limited, what the caller does next comes after the engine's work; where they are not, beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base.limits import Limits
from videobert.model.folder import ModelFolder
from videobert.pipeline.opened import OpenedModel


class Slow:
    """An engine whose backbone goes on until it is let go, or for a moment."""

    name, precision, fallback, takes_device_arrays = "slow", "fp32", None, False

    def __init__(self, dim: int, parallel: int, device: str, wait: Callable[[], object]) -> None:
        self.device, self.parallel = device, parallel
        self._dim, self._wait = dim, wait

    def run(self, stage: str, **inputs: Any) -> Any:
        self._wait()
        return np.zeros((1, self._dim), np.float32)

    def close(self) -> None: ...


@pytest.fixture
def opened(model_folder: Path) -> Any:
    folder = ModelFolder(model_folder)
    made: list[OpenedModel] = []

    def make(threads: int | None, wait: Callable[[], object], parallel: int = 1, device: str = "CPU") -> OpenedModel:
        engine: Any = Slow(folder.config.backbone.feature_dim, parallel, device, wait)
        made.append(OpenedModel(folder, engine, Limits(), threads=threads))
        return made[-1]

    yield make
    for each in made:
        each.close()


CLIP = np.zeros((15, 48, 48, 3), np.uint8)


def a_moment() -> None:
    threading.Event().wait(0.05)


def test_with_a_limit_the_engine_is_waited_for(opened: Any) -> None:
    limited = opened(1, a_moment)
    assert all(limited.feature(CLIP).done() for _ in range(3))


def test_without_one_it_works_beside_the_caller(opened: Any) -> None:
    go = threading.Event()
    future = opened(None, go.wait).feature(CLIP)
    assert not future.done()
    go.set()
    future.result(timeout=10)


def test_a_gpu_leaves_the_processor_to_the_caller(opened: Any) -> None:
    go = threading.Event()
    future = opened(1, go.wait, device="NVIDIA H100").feature(CLIP)
    assert not future.done()
    go.set()
    future.result(timeout=10)


def test_several_clips_at_a_time_are_waited_for_together(opened: Any) -> None:
    limited = opened(4, a_moment, parallel=2)
    first, second = limited.feature(CLIP), limited.feature(CLIP)
    assert first.done()
    assert second.done()


@pytest.mark.parametrize(("threads", "parallel", "each"), [(1, 1, 1), (4, 2, 2), (3, 2, 1), (2, 4, 1), (None, 2, None)])
def test_the_rest_has_the_threads_of_one_clip(
    threads: int | None, parallel: int, each: int | None, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int | None] = []
    monkeypatch.setattr(
        "videobert.visual.codebook.Codebook.assign",
        lambda self, features, method="flat", threads=None: seen.append(threads),
    )
    made = opened(threads, a_moment, parallel=parallel)
    made.assign(np.zeros((1, 4), np.float32))
    assert (made.threads, seen) == (each, [each])
