"""Vectors in cells around centroids, a byte a value, memory-mapped: a fast way to the first N vectors of an index.

Inverted lists with 8-bit scalar quantisation (faiss: IVF,SQ8). The file is plain arrays, and nothing of it is read by
faiss's own reader, so that an index from elsewhere can be opened:

    for each cell its codes, uint8 (n, width), and their rows, int64 (n,)
    float32   (cells, width) centroids
    float32   (2, width) least value and range of each dimension
    uint64    (cells,) how many vectors each cell has
    8 bytes   magic
    3 uint32  cells, width, 0
    1 uint64  vectors
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from videobert.base.atomic import write_atomically
from videobert.index.faiss_library import faiss_library, faiss_threads
from videobert.index.index_format import MOST_WIDTH, damaged
from videobert.index.plain_file import open_plain

Vectors = npt.NDArray[np.float32]

_MAGIC = b"VBCELLS\x01"
_TRAILER = struct.Struct("<8s3IQ")
_MOST_CELLS = 1 << 20
# Vectors that centroids are fitted to, for each centroid; faiss advises 39 to 256.
_FITTED_TO = 40
_ITERATIONS = 10
_SEED = 1
# Cells looked at by a query, as a share and at least.
_SHARE = 1 / 64
_LEAST_CELLS = 16
_BLOCK = 65_536


def cells_for(vectors: int) -> int:
    """How many cells so many vectors are put into: about four times the square root, a power of two."""
    return int(2 ** round(math.log2(max(16.0, 4 * math.sqrt(vectors)))))


def write_cells(path: Path, vectors: Vectors, *, threads: int | None = None) -> int:
    """Put vectors into cells and write them; gives the length of the file.

    Args:
        vectors: float32 `(n, width)`, memory-mapped if it is large: a pass reads it in blocks.

    Raises:
        EngineUnavailable: faiss is not installed.
        OSError: the file cannot be written.
    """
    faiss = faiss_library()
    count, width = vectors.shape
    cells = min(cells_for(count), count)
    with faiss_threads(faiss, threads):
        sample = vectors[np.linspace(0, count - 1, min(count, cells * _FITTED_TO)).astype(np.int64)]
        means = faiss.Kmeans(width, cells, niter=_ITERATIONS, seed=_SEED, min_points_per_centroid=1)
        means.train(np.ascontiguousarray(sample))
        centroids = np.ascontiguousarray(means.centroids, np.float32)
        quantizer = faiss.ScalarQuantizer(width, faiss.ScalarQuantizer.QT_8bit)
        quantizer.train(np.ascontiguousarray(sample))
        trained = faiss.vector_to_array(quantizer.trained).astype(np.float32)
        home = np.concatenate(
            [
                faiss.knn(np.ascontiguousarray(vectors[at : at + _BLOCK]), centroids, 1)[1][:, 0]
                for at in range(0, count, _BLOCK)
            ]
        )
    order = np.argsort(home, kind="stable")
    sizes = np.bincount(home, minlength=cells).astype("<u8")

    def fill(new: Path) -> None:
        with open(new, "wb") as file:
            ends = np.cumsum(sizes).astype(np.int64)
            for end, size in zip(ends.tolist(), sizes.tolist(), strict=True):
                rows = order[end - int(size) : end]
                if len(rows):
                    file.write(quantizer.compute_codes(np.ascontiguousarray(vectors[rows])).tobytes())
                    file.write(rows.astype("<i8").tobytes())
            for part in (centroids, trained, sizes):
                file.write(part.tobytes())
            file.write(_TRAILER.pack(_MAGIC, cells, width, 0, count))
            file.flush()
            os.fsync(file.fileno())

    write_atomically(path, fill)
    return path.stat().st_size


class Cells:
    """The cells of a file, opened.

    Args:
        path: of the file.
        size_bytes, vectors, width: what the index says of it.

    Raises:
        EngineUnavailable: faiss is not installed.
        ModelError: it is damaged.
        FileNotFoundError: the generation was replaced just now.
    """

    def __init__(self, path: Path, *, size_bytes: int, vectors: int, width: int) -> None:
        faiss = self._faiss = faiss_library()
        index_folder = path.parent.parent
        with open_plain(path, index_folder) as file:
            there = os.fstat(file.fileno()).st_size
            if there != size_bytes or there < _TRAILER.size:
                raise damaged(index_folder, f"{path.name} is not as long as it was")
            file.seek(there - _TRAILER.size)
            magic, cells, wide, _, count = _TRAILER.unpack(file.read(_TRAILER.size))
            fits = magic == _MAGIC and wide == width <= MOST_WIDTH and count == vectors and 1 <= cells <= _MOST_CELLS
            lists_bytes = vectors * (width + 8)
            if not fits or size_bytes != lists_bytes + 4 * width * (cells + 2) + 8 * cells + _TRAILER.size:
                raise damaged(index_folder, f"{path.name} is of other vectors")
            file.seek(lists_bytes)
            centroids = np.frombuffer(file.read(4 * width * cells), "<f4").reshape(cells, width)
            trained = np.frombuffer(file.read(8 * width), "<f4")
            sizes = np.frombuffer(file.read(8 * cells), "<u8")
            # Each first, so that no sum of them can wrap around.
            if (sizes > count).any() or int(sizes.sum()) != count:
                raise damaged(index_folder, f"{path.name} does not add up")
            self._lists = _mapped_lists(faiss, file.fileno(), cells, width, sizes, size_bytes)
        if not np.isfinite(centroids).all() or not np.isfinite(trained).all():
            raise damaged(index_folder, f"{path.name} holds what is no number")
        self._path, self.vectors, self.cells = path, vectors, cells
        # Everything that the index of faiss points to is kept here as long as it.
        self._coarse = faiss.IndexFlatIP(width)
        self._coarse.add(np.ascontiguousarray(centroids))
        self._index = faiss.IndexIVFScalarQuantizer(
            self._coarse, width, cells, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT, False
        )
        faiss.copy_array_to_vector(np.ascontiguousarray(trained), self._index.sq.trained)
        self._index.is_trained = True
        self._index.replace_invlists(self._lists, False)
        self._index.ntotal = vectors

    def nearest(
        self, query: Vectors, count: int, alive: npt.NDArray[np.bool_] | None, threads: int | None = None
    ) -> npt.NDArray[np.int64]:
        """Rows with about the largest dot products with `query`, float32 `(width,)`; fewer where cells are empty.

        Args:
            alive: rows that may be found, bool `(vectors,)`; None for all.

        Raises:
            ModelError: a row that there is none of stands in the file.
        """
        faiss = self._faiss
        probes = min(self.cells, max(_LEAST_CELLS, round(self.cells * _SHARE)))
        found: Any = faiss.SearchParametersIVF(nprobe=probes)
        if alive is not None:
            chosen = faiss.IDSelectorBitmap(np.packbits(alive, bitorder="little"))
            found = faiss.SearchParametersIVF(nprobe=probes, sel=chosen)
        with faiss_threads(faiss, threads):
            _, rows = self._index.search(np.ascontiguousarray(query[None]), count, params=found)
        kept: npt.NDArray[np.int64] = rows[0][rows[0] != -1]
        if ((kept < 0) | (kept >= self.vectors)).any():
            raise damaged(self._path.parent.parent, f"{self._path.name} names rows that are not there")
        return kept


def _mapped_lists(
    faiss: Any, opened: int, cells: int, width: int, sizes: npt.NDArray[np.uint64], size_bytes: int
) -> Any:
    """The inverted lists of faiss over the file, mapped read-only; they lie one after the other from its start.

    The file is named by its descriptor: under its own name a writer may have put another by now, or taken it away.
    """
    lists = faiss.OnDiskInvertedLists(cells, width, f"/proc/self/fd/{opened}")
    lists.read_only = True
    own = np.ascontiguousarray(sizes.astype(np.uint64))
    lists.set_all_lists_sizes(faiss.swig_ptr(own))
    lists.totsize = size_bytes
    lists.do_mmap()
    return lists
