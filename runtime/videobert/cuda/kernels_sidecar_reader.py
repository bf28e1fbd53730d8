"""Reads `kernels.json` as data that is not trusted: every number, name and size is looked at before it is used."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from videobert.base.code_trust import sidecar_digest
from videobert.base.errors import MismatchError, ModelError
from videobert.cuda.kernels_sidecar import (
    DTYPE_BYTES,
    FORMAT,
    REBUILD,
    ROWS,
    SIDECAR,
    Ceil,
    KernelsSidecar,
    PlannedBuffer,
    PlannedLaunch,
    PlannedRange,
    Search,
    Size,
    StoredFile,
    StoredInput,
    StoredKernel,
    size_of,
)
from videobert.cuda.packing import code_of

_MOST_KERNELS = 1024
_LARGEST_FILE_BYTES = 1 << 30
_LARGEST_GRID = (2**31 - 1, 65_535, 65_535)
_FILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,119}\.(cubin|bin)\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_ENTRY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")


def read_kernels_sidecar(content: bytes) -> KernelsSidecar:
    """The sidecar in the content of its file.

    Raises:
        ModelError: it is damaged, or of another format.
        MismatchError: its own digest does not fit.
    """
    try:
        data = json.loads(content.decode("utf-8"))
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            found = data.get("format") if isinstance(data, dict) else type(data).__name__
            raise ModelError(f"{SIDECAR} has a format that is not known", seen=found, allowed=FORMAT, fix=REBUILD)
        stated, digest = data.pop("digest", None), sidecar_digest(data)
        if stated != digest:
            raise MismatchError(f"{SIDECAR} was changed after it was written", fix=REBUILD)
        return _sidecar(data, digest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{SIDECAR} is damaged", seen=f"{type(error).__name__}: {error}", fix=REBUILD) from error


def _sidecar(data: Mapping[str, Any], digest: str) -> KernelsSidecar:
    kernels = [_kernel(each) for each in _items(data["kernels"], _MOST_KERNELS)]
    named = {kernel.name: kernel for kernel in kernels}
    _require(len(named) == len(kernels), "two kernels have one name")
    return KernelsSidecar(
        digest=digest,
        target=_text(data["target"]),
        capability=_number(data["capability"], 10, 9999),
        triton=_text(data["triton"]),
        fp_fusion=data["fp_fusion"] is True,
        kernels=named,
        searches={_text(name): _search(each, named) for name, each in data["searches"].items()},
    )


def _kernel(data: Mapping[str, Any]) -> StoredKernel:
    arguments = tuple((_text(name), _text(kind)) for name, kind in _items(data["arguments"], 256))
    names = {name for name, _ in arguments}
    _require(len(names) == len(arguments), "two arguments have one name")
    _require(all(code_of(kind) is not None for _, kind in arguments), "an argument's type")
    aligned = frozenset(_text(name) for name in _items(data["aligned"], 256))
    _require(aligned <= names, "an aligned argument")
    _require(_ENTRY.match(_text(data["entry"])) is not None, "an entry's name")
    return StoredKernel(
        name=_text(data["name"]),
        entry=data["entry"],
        image=_file(data),
        arguments=arguments,
        aligned=aligned,
        threads=_number(data["threads"], 32, 1024),
        shared_bytes=_number(data["shared_bytes"], 0, 1 << 20),
        scratch_pointers=_number(data["scratch_pointers"], 0, 16),
    )


def _search(data: Mapping[str, Any], kernels: Mapping[str, StoredKernel]) -> Search:
    ranges = tuple(_range(each, kernels) for each in _items(data["ranges"], 64))
    limits = [each.most_rows for each in ranges]
    _require(bool(limits) and limits == sorted(set(limits)), "the order of the ranges")
    inputs = tuple(
        StoredInput(
            name=_text(each["name"]),
            dtype=_dtype(each["dtype"]),
            shape=tuple(_number(size, 0, 1 << 31) for size in _items(each["shape"], 4)),
            offset=_number(each["offset"], 0, _LARGEST_FILE_BYTES),
        )
        for each in _items(data["inputs"], 64)
    )
    file = _file(data)
    for each in inputs:
        count = DTYPE_BYTES[each.dtype]
        for size in each.shape:
            count *= size
        _require(each.offset + count <= file.size_bytes, f"the size of the input {each.name}")
    dim = _number(data["dim"], 1, 1 << 20)
    answers = {
        "points": ("fp32", (ROWS, dim), "input"),
        "labels": ("i32", (ROWS,), "output"),
        "distances": ("fp32", (ROWS,), "output"),
    }
    given = {each.name: (each.dtype, each.shape) for each in inputs}
    for planned in ranges:
        shapes = {buffer.name: (buffer.dtype, buffer.shape, buffer.role) for buffer in planned.buffers}
        _require(shapes.items() >= answers.items(), "points, labels or distances")
        for buffer in planned.buffers:
            fits = (
                buffer.role != "input"
                or buffer.name == "points"
                or given.get(buffer.name) == (buffer.dtype, buffer.shape)
            )
            _require(fits, f"the input {buffer.name}")
    return Search(
        codebook=_text(data["codebook"]),
        dim=dim,
        leaves=_number(data["leaves"], 1, 1 << 24),
        file=file,
        inputs=inputs,
        ranges=ranges,
    )


def _range(data: Mapping[str, Any], kernels: Mapping[str, StoredKernel]) -> PlannedRange:
    buffers = tuple(
        PlannedBuffer(
            name=_text(each["name"]),
            dtype=_dtype(each["dtype"]),
            shape=tuple(_size(size) for size in _items(each["shape"], 4)),
            role=_text(each["role"]),
        )
        for each in _items(data["buffers"], 64)
    )
    names = {buffer.name for buffer in buffers}
    most_rows = _number(data["most_rows"], 1, 1 << 24)
    launches = tuple(_launch(each, kernels, names, most_rows) for each in _items(data["launches"], 64))
    return PlannedRange(most_rows=most_rows, buffers=buffers, launches=launches)


def _launch(
    data: Mapping[str, Any], kernels: Mapping[str, StoredKernel], buffers: set[str], most_rows: int
) -> PlannedLaunch:
    kernel = kernels[_text(data["kernel"])]
    x, y, z = (_size(size) for size in _items(data["grid"], 3))
    for size, limit in zip((x, y, z), _LARGEST_GRID, strict=True):
        _require(size_of(size, 1) >= 1 and size_of(size, most_rows) <= limit, f"the grid of {kernel.name}")
    arguments = tuple(value if isinstance(value, str) else _size(value) for value in _items(data["arguments"], 256))
    _require(len(arguments) == len(kernel.arguments), f"the arguments of {kernel.name}")
    for value, (name, kind) in zip(arguments, kernel.arguments, strict=True):
        # A pointer is always a buffer, never a number from a file.
        _require(isinstance(value, str) == kind.startswith("*"), f"the argument {name} of {kernel.name}")
        _require(not isinstance(value, str) or value in buffers, f"the buffer {value}")
    return PlannedLaunch(kernel=kernel.name, grid=(x, y, z), arguments=arguments)


def _size(data: Any) -> Size:
    if isinstance(data, dict):
        _require(set(data) == {"every", "times"}, "a size")
        return Ceil(_number(data["every"], 1, 1 << 24), _number(data["times"], 0, 1 << 31))
    return _number(data, -(1 << 31), 1 << 40)


def _file(data: Mapping[str, Any]) -> StoredFile:
    file, digest = _text(data["file"]), _text(data["sha256"])
    _require(_FILE.match(file) is not None, f"the file name {file!r}")
    _require(_DIGEST.match(digest) is not None, f"the digest of {file}")
    return StoredFile(file=file, size_bytes=_number(data["bytes"], 1, _LARGEST_FILE_BYTES), sha256=digest)


def _dtype(data: Any) -> str:
    _require(data in DTYPE_BYTES, f"the type {data!r}")
    return str(data)


def _items(data: Any, most: int) -> list[Any]:
    _require(isinstance(data, list) and len(data) <= most, "a list")
    return list(data)


def _text(data: Any) -> str:
    _require(isinstance(data, str) and 0 < len(data) <= 255 and data.isprintable(), "a text")
    return str(data)


def _number(data: Any, least: int, most: int) -> int:
    _require(isinstance(data, int) and not isinstance(data, bool) and least <= data <= most, "a number")
    return int(data)


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what} cannot be used")
