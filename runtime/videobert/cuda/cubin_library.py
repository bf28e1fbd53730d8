"""The compiled kernels of one target: read and checked whole before any of them is loaded, then launched by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from videobert.base.code_trust import read_code, require_own_build
from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.cuda.driver import CudaDriver, Function, Stream
from videobert.cuda.kernels_sidecar import REBUILD, SIDECAR, KernelsSidecar, Search, StoredKernel
from videobert.cuda.kernels_sidecar_reader import read_kernels_sidecar
from videobert.cuda.packing import pack

_LARGEST_SIDECAR_BYTES = 8 << 20


def target_of(capability: int) -> str:
    """The folder below a model's `engines/` for a GPU of this capability."""
    return f"cuda-sm{capability}"


class CubinLibrary:
    """Kernels of `engines/cuda-smNN`, for the driver's device.

    A cubin is code: it must be this user's own build, or the caller vouches for it. Every file must be one that
    `code_trust` takes, of the size and with the hash that the sidecar says, which has a hash over itself.

    Args:
        driver: decides the capability that is accepted.
        folder: the target's folder.
        trusted: the caller vouches for whoever built it.

    Raises:
        UntrustedError: this user did not build it.
        ModelError: something is missing, damaged or not safe to read.
        MismatchError: a file is not the one that was written, or the kernels are for another GPU.
    """

    def __init__(self, driver: CudaDriver, folder: Path, *, trusted: bool = False) -> None:
        self._driver = driver
        self._functions: dict[str, Function] = {}
        self.sidecar, self._contents = _read(folder, driver.capability, trusted)

    def __contains__(self, name: str) -> bool:
        return name in self.sidecar.kernels

    def search(self, method: str, codebook_hash: str) -> tuple[Search, bytes]:
        """A search with its packed centroids, for the codebook of this hash.

        Raises:
            ModelError: there is none of this kind.
            MismatchError: it was packed from another codebook.
        """
        if method not in self.sidecar.searches:
            raise ModelError(
                "there is no such search", seen=method, allowed=", ".join(self.sidecar.searches), fix=REBUILD
            )
        search = self.sidecar.searches[method]
        if search.codebook != codebook_hash:
            raise MismatchError(
                "the search was built for another codebook", seen=search.codebook, allowed=codebook_hash, fix=REBUILD
            )
        return search, self._contents[search.file.file]

    def launch(self, name: str, grid: tuple[int, int, int], values: Sequence[int | float], stream: Stream) -> None:
        """Put a launch of a kernel in a stream; the kernel is loaded the first time.

        Args:
            name: of the kernel.
            grid: blocks along x, y and z; nothing happens if one is 0.
            values: device addresses and numbers for its arguments, in order.
            stream: where.

        Raises:
            ModelError: there is no such kernel.
            InputError: the values do not fit its arguments.
            DeviceError: the driver refused.
        """
        kernel = self._kernel(name)
        parameters = pack(kernel.arguments, kernel.aligned, kernel.scratch_pointers, values)
        if min(grid) < 0:
            raise InputError("a grid cannot be negative", seen=grid)
        if min(grid) == 0:
            return
        self._driver.launch(self._loaded(kernel), grid, kernel.threads, parameters, stream)

    def load_all(self) -> None:
        """Load every kernel now, so that no launch has to."""
        for kernel in self.sidecar.kernels.values():
            self._loaded(kernel)

    def _kernel(self, name: str) -> StoredKernel:
        if name not in self.sidecar.kernels:
            raise ModelError(f"the library {self.sidecar.target} has no such kernel", seen=name, fix=REBUILD)
        return self.sidecar.kernels[name]

    def _loaded(self, kernel: StoredKernel) -> Function:
        if kernel.name not in self._functions:
            image = self._contents[kernel.image.file]
            self._functions[kernel.name] = self._driver.load(image, kernel.entry, kernel.shared_bytes)
        return self._functions[kernel.name]


def _read(folder: Path, capability: int, trusted: bool) -> tuple[KernelsSidecar, dict[str, bytes]]:
    sidecar = read_kernels_sidecar(read_code(folder / SIDECAR, _LARGEST_SIDECAR_BYTES, REBUILD))
    require_own_build(sidecar.digest, str(folder / SIDECAR), trusted=trusted)
    if sidecar.capability != capability or sidecar.target != target_of(capability):
        raise MismatchError(
            "these kernels were compiled for another GPU",
            seen=sidecar.target,
            allowed=target_of(capability),
            fix=f"Run `videobert build FOLDER --target {target_of(capability)}`.",
        )
    contents = {}
    for stored in sidecar.files():
        contents[stored.file] = read_code(folder / stored.file, stored.size_bytes, REBUILD)
        stored.check(contents[stored.file])
    return sidecar, contents
