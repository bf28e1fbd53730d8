"""What is said of the driver and the GPUs, from a driver library that is not there, fails, or shows some."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import pytest
from tests.runtime.cuda.driver_function import Function

from videobert.cuda import libcuda
from videobert.cuda.gpu_presence import GpuPresence, PresentGpu, gpu_presence, present_gpu
from videobert.cuda.libcuda import Libcuda
from videobert.video.decoders import available

ADA, HOPPER = PresentGpu(name="NVIDIA L4", capability=89), PresentGpu(name="NVIDIA H100 80GB HBM3", capability=90)
NO_DEVICE = 100


class Library:
    """The driver library: device n has the handle 10 + n."""

    def __init__(self, gpus: tuple[PresentGpu, ...], *, init: int = 0) -> None:
        self.gpus, self.init = gpus, init
        self.called: list[str] = []

    def __getattr__(self, name: str) -> Function:
        made = Function(getattr(type(self), f"_{name}", lambda *_: pytest.fail(name)).__get__(self))
        setattr(self, name, made)
        return made

    def _cuInit(self, flags: int) -> int:
        self.called.append("cuInit")
        return self.init

    def _cuDeviceGetCount(self, count: Any) -> int:
        assert "cuInit" in self.called
        count._obj.value = len(self.gpus)
        return 0

    def _cuDeviceGet(self, device: Any, number: int) -> int:
        device._obj.value = 10 + number
        return 0

    def _cuDeviceGetName(self, text: Any, size: int, device: Any) -> int:
        name = self.gpus[device.value - 10].name.encode()
        assert len(name) < size == ctypes.sizeof(text)
        text.value = name
        return 0

    def _cuDeviceGetAttribute(self, value: Any, which: int, device: Any) -> int:
        value._obj.value = divmod(self.gpus[device.value - 10].capability, 10)[which - 75]
        return 0


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[[Library | None], None]:
    def put(library: Library | None) -> None:
        def load(name: str) -> Library:
            if library is None or name != "libcuda.so.1":
                raise OSError(f"{name}: cannot open shared object file")
            return library

        monkeypatch.setattr(libcuda.ctypes, "CDLL", load)

    return put


def test_a_machine_without_a_driver(install: Callable[[Library | None], None]) -> None:
    install(None)
    assert gpu_presence() == GpuPresence(driver=False, error=0, gpus=())
    assert present_gpu() is None


def test_a_driver_that_fails_or_shows_nothing(install: Callable[[Library | None], None]) -> None:
    install(Library((ADA,), init=NO_DEVICE))
    assert gpu_presence() == GpuPresence(driver=True, error=NO_DEVICE, gpus=())
    install(Library(()))
    assert gpu_presence() == GpuPresence(driver=True, error=0, gpus=())
    assert present_gpu() is None


def test_gpus_are_told_in_the_drivers_order_without_a_context(install: Callable[[Library | None], None]) -> None:
    # Any other call of the library fails the test.
    install(Library((HOPPER, ADA)))
    assert gpu_presence() == GpuPresence(driver=True, error=0, gpus=(HOPPER, ADA))
    assert present_gpu() == "NVIDIA H100 80GB HBM3 9.0"


@pytest.mark.parametrize(
    ("library", "said"),
    [
        (None, "there is no NVIDIA driver"),
        (Library((), init=NO_DEVICE), "the driver shows no GPU (error 100)"),
        (Library((ADA,)), "the driver's video decoder (libnvcuvid) is not there"),
    ],
)
def test_the_video_decoder_says_what_the_driver_says(
    library: Library | None, said: str, install: Callable[[Library | None], None]
) -> None:
    install(library)
    available._no_gpu.cache_clear()
    try:
        why = available._no_gpu()
    finally:
        available._no_gpu.cache_clear()
    assert why is not None
    assert why[0] == said


@pytest.mark.skipif(not gpu_presence().gpus, reason="needs a GPU")
def test_the_real_driver_and_a_back_end_agree() -> None:
    from videobert.cuda.choice import open_driver

    driver = open_driver()
    try:
        first = gpu_presence().gpus[0]
        assert (first.name, first.capability) == (driver.device_name, driver.capability)
    finally:
        driver.close()


def test_every_call_has_its_types(install: Callable[[Library | None], None]) -> None:
    library = Library((ADA,))
    install(library)
    Libcuda()
    assert library.cuInit.argtypes == (ctypes.c_uint,)
    assert library.cuDeviceGetName.restype is ctypes.c_int
