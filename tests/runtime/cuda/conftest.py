"""A driver without a device, and a folder of kernels that it can pretend to run."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from videobert.base.code_trust import remember_build, sidecar_digest
from videobert.base.errors import DeviceError

CODEBOOK_HASH = "0123456789abcdef"
CENTROIDS = np.random.default_rng(5).normal(size=(7, 4)).astype(np.float32)


@dataclass
class FakeBuffer:
    """Device memory on the host."""

    address: int
    size_bytes: int
    memory: bytearray
    freed: bool = False

    def free(self) -> None:
        self.freed = True


@dataclass
class FakeEvent:
    def synchronize(self) -> None: ...

    def free(self) -> None: ...

    def milliseconds_since(self, earlier: Any) -> float:
        return 0.0


@dataclass
class FakeStream:
    driver: FakeDriver

    def record(self) -> FakeEvent:
        return FakeEvent()

    def wait(self, event: Any) -> None: ...

    def synchronize(self) -> None:
        self.driver.calls.append(("synchronize",))


@dataclass
class FakeFunction:
    name: str
    shared_bytes: int


@dataclass
class FakeDriver:
    """Remembers every call. `kernels` are what a launch of an entry point does, given the driver and the parameters."""

    capability: int = 90
    device_name: str = "none"
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    buffers: list[FakeBuffer] = field(default_factory=list)
    kernels: dict[str, Callable[[FakeDriver, bytes], None]] = field(default_factory=dict)
    fails: str | None = None

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]

    def memory_at(self, address: int) -> bytearray:
        (buffer,) = (buffer for buffer in self.buffers if buffer.address == address)
        assert not buffer.freed, "a kernel was given memory that is freed"
        return buffer.memory

    def _call(self, *call: Any) -> None:
        self.calls.append(call)
        if call[0] == self.fails:
            raise DeviceError("refused", seen=call[0])

    def stream(self) -> FakeStream:
        return FakeStream(self)

    def allocate(self, size_bytes: int) -> FakeBuffer:
        self._call("allocate", size_bytes)
        address = 0x7F0000000000 + 0x1000000 * len(self.buffers)
        self.buffers.append(FakeBuffer(address, size_bytes, bytearray(b"\xa5" * max(1, size_bytes))))
        return self.buffers[-1]

    def pinned(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        self._call("pinned", shape)
        return np.full(shape, 77, dtype)

    def upload(self, target: Any, source: npt.NDArray[Any], stream: Any) -> None:
        self._call("upload", target.address, source.nbytes)
        assert source.nbytes <= target.size_bytes
        target.memory[: source.nbytes] = source.tobytes()

    def download(self, target: npt.NDArray[Any], source: Any, stream: Any) -> None:
        self._call("download", source.address, target.nbytes)
        target[...] = np.frombuffer(source.memory, target.dtype, target.size)

    def load(self, image: bytes, entry: str, shared_bytes: int) -> FakeFunction:
        self._call("load", image, entry, shared_bytes)
        return FakeFunction(entry, shared_bytes)

    def launch(self, function: Any, grid: tuple[int, int, int], threads: int, parameters: bytes, stream: Any) -> None:
        self._call("launch", function.name, grid, threads, parameters)
        if function.name in self.kernels:
            self.kernels[function.name](self, parameters)

    def synchronize(self) -> None:
        self._call("synchronize")

    def close(self) -> None:
        self._call("close")


@pytest.fixture
def driver() -> FakeDriver:
    return FakeDriver()


@pytest.fixture
def make_driver() -> type[FakeDriver]:
    return FakeDriver


@pytest.fixture
def centroids() -> npt.NDArray[np.float32]:
    return CENTROIDS


@pytest.fixture
def codebook_hash() -> str:
    return CODEBOOK_HASH


def store(folder: Path, name: str, content: bytes) -> dict[str, Any]:
    (folder / name).write_bytes(content)
    return {"file": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


ROWS = {"every": 1, "times": 1}


def search_of(folder: Path) -> dict[str, Any]:
    """Two kernels for up to 8 rows, one for up to 20."""
    points = {"name": "points", "dtype": "fp32", "shape": [ROWS, 4], "role": "input"}
    given = {"name": "centroids", "dtype": "fp32", "shape": [7, 4], "role": "input"}
    scratch = {"name": "scratch", "dtype": "fp16", "shape": [{"every": 8, "times": 16}, 2], "role": "scratch"}
    labels = {"name": "labels", "dtype": "i32", "shape": [ROWS], "role": "output"}
    distances = {"name": "distances", "dtype": "fp32", "shape": [ROWS], "role": "output"}
    decide = {
        "kernel": "decide",
        "grid": [{"every": 4, "times": 1}, 1, 1],
        "arguments": ["points", "centroids", ROWS, "labels", "distances", 7],
    }
    clear = {
        "kernel": "clear",
        "grid": [{"every": 8, "times": 3}, 2, 1],
        "arguments": ["scratch", {"every": 8, "times": 16}],
    }
    return {
        "codebook": CODEBOOK_HASH,
        "dim": 4,
        "leaves": 7,
        **store(folder, "nearest-flat.bin", bytes(256) + CENTROIDS.tobytes()),
        "inputs": [{"name": "centroids", "dtype": "fp32", "shape": [7, 4], "offset": 256}],
        "ranges": [
            {"most_rows": 8, "buffers": [points, given, scratch, labels, distances], "launches": [clear, decide]},
            {"most_rows": 20, "buffers": [points, given, labels, distances], "launches": [decide]},
        ],
    }


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    """A sidecar without its digest; its files are in `tmp_path / "cuda-sm90"`."""
    folder = tmp_path / "cuda-sm90"
    folder.mkdir()
    decide = {
        "points": "*fp32",
        "centroids": "*fp32",
        "rows": "i32",
        "labels": "*i32",
        "distances": "*fp32",
        "count": "i32",
    }
    return {
        "format": 1,
        "target": "cuda-sm90",
        "capability": 90,
        "triton": "3.7.1",
        "fp_fusion": True,
        "kernels": [
            {
                "name": "clear",
                "entry": "clear_kernel",
                **store(folder, "clear-01234567.cubin", b"\x7fELF clear"),
                "arguments": [["scratch", "*fp16"], ["size", "i32"]],
                "aligned": ["scratch", "size"],
                "constants": {},
                "threads": 128,
                "shared_bytes": 0,
                "scratch_pointers": 2,
                "registers": 16,
                "stack_bytes": 0,
            },
            {
                "name": "decide",
                "entry": "decide_kernel",
                **store(folder, "decide-01234567.cubin", b"\x7fELF decide"),
                "arguments": [[name, kind] for name, kind in decide.items()],
                "aligned": ["centroids"],
                "constants": {"BLOCK": 4},
                "threads": 256,
                "shared_bytes": 65536,
                "scratch_pointers": 1,
                "registers": 40,
                "stack_bytes": 0,
            },
        ],
        "searches": {"flat": search_of(folder)},
    }


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], Path]:
    """Writes a sidecar with the digest that fits it, as this user's own build; gives the folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def written(content: dict[str, Any]) -> Path:
        folder = tmp_path / "cuda-sm90"
        (folder / "kernels.json").write_text(json.dumps(content | {"digest": sidecar_digest(content)}))
        remember_build(sidecar_digest(content))
        return folder

    return written


@pytest.fixture
def folder(content: dict[str, Any], write: Callable[[dict[str, Any]], Path]) -> Path:
    """The folder, sound."""
    return write(content)


@pytest.fixture
def deciding(driver: FakeDriver) -> FakeDriver:
    """A driver whose `decide_kernel` finds the nearest centroid, from nothing but the bytes of its parameters."""

    def decide(driver: FakeDriver, parameters: bytes) -> None:
        points, table, rows, labels, distances, count, scratch = struct.unpack("<QQi4xQQi4xQ", parameters)
        assert scratch == 0
        x = np.frombuffer(driver.memory_at(points), np.float32, rows * 4).reshape(rows, 1, 4)
        c = np.frombuffer(driver.memory_at(table), np.float32, count * 4).reshape(count, 4)
        distance = np.sqrt(((x - c) ** 2).sum(axis=2))
        driver.memory_at(labels)[: 4 * rows] = distance.argmin(axis=1).astype(np.int32).tobytes()
        driver.memory_at(distances)[: 4 * rows] = distance.min(axis=1).astype(np.float32).tobytes()

    driver.kernels["decide_kernel"] = decide
    return driver
