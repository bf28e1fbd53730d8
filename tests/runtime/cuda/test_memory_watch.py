"""The memory of a GPU as a driver library tells it, that is there, is not, or is lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.runtime.cuda.driver_function import Function

from videobert.cuda import libcuda
from videobert.cuda.gpu_presence import gpu_presence
from videobert.cuda.memory_watch import MemoryWatch

TOTAL = 1000


class Library:
    """A driver library of one GPU, of whose memory `taken` bytes are in use; each look is told that it happened."""

    def __init__(self, *, init: int = 0) -> None:
        self.init, self.taken, self.lost = init, 100, False
        self.looks, self.depth = 0, 0

    def __getattr__(self, name: str) -> Function:
        body = getattr(type(self), f"_{name}", None)
        made = Function((lambda *_: pytest.fail(name)) if body is None else body.__get__(self))
        setattr(self, name, made)
        return made

    def _cuInit(self, flags: int) -> int:
        return self.init

    def _cuDeviceGet(self, device: Any, number: int) -> int:
        device._obj.value = 10 + number
        return 0

    def _cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> int:
        context._obj.value = 0x100 + device.value
        return 0

    def _cuCtxPushCurrent_v2(self, context: Any) -> int:
        assert context == 0x10A
        self.depth += 1
        return 0

    def _cuCtxPopCurrent_v2(self, context: Any) -> int:
        self.depth -= 1
        return 0

    def _cuMemGetInfo_v2(self, free: Any, total: Any) -> int:
        assert self.depth == 1
        self.looks += 1
        if self.lost:
            return 999
        free._obj.value, total._obj.value = TOTAL - self.taken, TOTAL
        return 0

    def see(self) -> None:
        """Waits until what is taken now was looked at."""
        seen, until_s = self.looks, time.monotonic() + 10
        # One look may have begun before.
        while self.looks < seen + 2 and time.monotonic() < until_s:
            time.sleep(0.001)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Library | None], None]:
    def put(library: Library | None) -> None:
        def load(name: str) -> Library:
            if library is None or name != "libcuda.so.1":
                raise OSError(f"{name}: cannot open shared object file")
            return library

        monkeypatch.setattr(libcuda.ctypes, "CDLL", load)

    return put


def test_the_most_that_was_taken_is_told(install: Callable[[Library | None], None]) -> None:
    library = Library()
    install(library)
    with MemoryWatch(every_s=0.001) as watch:
        for library.taken in (400, 900, 300, 50):
            library.see()
    assert watch.peak_bytes == 800
    assert library.depth == 0
    looks = library.looks
    time.sleep(0.01)
    assert library.looks == looks


def test_what_others_give_back_is_no_less_than_nothing(install: Callable[[Library | None], None]) -> None:
    library = Library()
    install(library)
    with MemoryWatch(every_s=0.001) as watch:
        library.taken = 20
        library.see()
    assert watch.peak_bytes == 0


@pytest.mark.parametrize("library", [None, Library(init=100)], ids=["no driver", "a driver that fails"])
def test_nothing_is_told_without_a_driver(library: Library | None, install: Callable[[Library | None], None]) -> None:
    install(library)
    with MemoryWatch() as watch:
        pass
    assert watch.peak_bytes is None


def test_nothing_is_told_of_a_gpu_that_was_lost(install: Callable[[Library | None], None]) -> None:
    library = Library()
    install(library)
    with MemoryWatch(every_s=0.001) as watch:
        library.lost = True
        until_s = time.monotonic() + 10
        while watch.peak_bytes is not None and time.monotonic() < until_s:
            time.sleep(0.001)
    assert watch.peak_bytes is None
    assert library.depth == 0


@pytest.mark.skipif(not gpu_presence().gpus, reason="needs a GPU")
def test_a_real_gpu_tells_of_memory_that_was_allocated() -> None:
    from videobert.cuda.choice import open_driver

    driver = open_driver()
    with MemoryWatch() as watch:
        buffer = driver.allocate(1 << 28)
        time.sleep(0.2)
        buffer.free()
    driver.close()
    assert watch.peak_bytes is not None
    assert watch.peak_bytes >= 1 << 28
