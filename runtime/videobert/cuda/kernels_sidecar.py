"""`kernels.json`: what the compiled kernels of a target are, and what a search launches.

Written by `videobert_kernels.compile.cubins`, read by `kernels_sidecar_reader`; `docs/model-folder.md` has the format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from videobert.base.errors import MismatchError

FORMAT = 1
SIDECAR = "kernels.json"
REBUILD = "Build the target again with `videobert build FOLDER --target …`."
DTYPE_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2, "i32": 4}


class Ceil(NamedTuple):
    """A size that grows with the number of rows: as many `times` as it takes steps of `every` to cover them."""

    every: int
    times: int

    def of(self, rows: int) -> int:
        """The size for this many rows."""
        return -(-rows // self.every) * self.times


Size = int | Ceil
ROWS = Ceil(1, 1)


def size_of(size: Size, rows: int) -> int:
    """A size for this many rows."""
    return size.of(rows) if isinstance(size, Ceil) else size


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file beside the sidecar."""

    file: str
    size_bytes: int
    sha256: str

    def check(self, content: bytes) -> None:
        """Compare what was read with what was written.

        Raises:
            MismatchError: they differ.
        """
        if len(content) != self.size_bytes or hashlib.sha256(content).hexdigest() != self.sha256:
            raise MismatchError(f"{self.file} is not the file that {SIDECAR} describes", fix=REBUILD)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKernel:
    """A cubin and how to launch it; see `docs/model-folder.md`."""

    name: str
    entry: str
    image: StoredFile
    arguments: tuple[tuple[str, str], ...]
    aligned: frozenset[str]
    threads: int
    shared_bytes: int
    scratch_pointers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBuffer:
    """Device memory that a search uses. `role` is `"input"`, `"output"` or `"scratch"`."""

    name: str
    dtype: str
    shape: tuple[Size, ...]
    role: str

    def shape_for(self, rows: int) -> tuple[int, ...]:
        """Its shape for this many rows."""
        return tuple(size_of(size, rows) for size in self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLaunch:
    """A launch of a search: `arguments` are names of buffers and numbers."""

    kernel: str
    grid: tuple[Size, Size, Size]
    arguments: tuple[str | Size, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRange:
    """What a search does for up to `most_rows` rows."""

    most_rows: int
    buffers: tuple[PlannedBuffer, ...]
    launches: tuple[PlannedLaunch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInput:
    """An array that a search reads, inside its file of inputs."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """A nearest-centroid search over one codebook: its packed centroids and its launches.

    Args:
        codebook: `Codebook.hash` of the codebook that was packed.
        ranges: by rising `most_rows`.
    """

    codebook: str
    dim: int
    leaves: int
    file: StoredFile
    inputs: tuple[StoredInput, ...]
    ranges: tuple[PlannedRange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelsSidecar:
    """All of `kernels.json`; `digest` is `sidecar_digest` of its content."""

    digest: str
    target: str
    capability: int
    triton: str
    fp_fusion: bool
    kernels: Mapping[str, StoredKernel]
    searches: Mapping[str, Search]

    def files(self) -> tuple[StoredFile, ...]:
        """Every file that belongs to it."""
        return (*(k.image for k in self.kernels.values()), *(search.file for search in self.searches.values()))
