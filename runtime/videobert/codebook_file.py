"""`codebook.safetensors`: tensors `leaves`, `distances`, `levels.N.centroids`, `levels.N.offsets`, and metadata."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from videobert.atomic import write_atomically
from videobert.errors import ModelError

if TYPE_CHECKING:
    from videobert.codebook import Codebook

FORMAT = "videobert-codebook-1"
_HEADER_BYTES = 1 << 20
_META = ("backbone_hash", "clip_hash", "agreement", "seed", "samples")


def write(codebook: Codebook, path: Path) -> None:
    """Write `codebook` to `path`."""
    from safetensors.numpy import save

    tensors: dict[str, npt.NDArray[Any]] = {"leaves": codebook.leaves, "distances": codebook.distances}
    for depth, level in enumerate(codebook.levels or ()):
        tensors[f"levels.{depth}.centroids"] = level.centroids
        tensors[f"levels.{depth}.offsets"] = level.offsets
    metadata = {name: json.dumps(getattr(codebook, name)) for name in _META}
    metadata |= {"format": FORMAT, "tree": json.dumps(codebook.levels is not None)}
    # safetensors writes the buffer as it lies: a view would come out in the wrong order.
    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    content = _in_order(save(whole, metadata=metadata))
    write_atomically(path, lambda file: file.write_bytes(content))


def _in_order(content: bytes) -> bytes:
    """A safetensors file with its metadata sorted: the library gives them another order every time."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8
    return len(text).to_bytes(8, "little") + text + content[end:]


def read(path: Path) -> Codebook:
    """Read an untrusted file; ModelError says what is wrong with it."""
    from safetensors import SafetensorError, safe_open

    from videobert.codebook import Codebook

    try:
        _check_header(path)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise _unusable(path, f"format {metadata.get('format')!r}", FORMAT)
            names = list(file.keys())
            tensors = {name: _tensor(path, file, name) for name in names}
        return Codebook(**_fields(path, tensors, metadata))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _unusable(path, f"{type(error).__name__}: {error}") from error


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_HEADER_BYTES, os.fstat(file.fileno()).st_size):
            raise _unusable(path, f"a header of {length} bytes", f"at most {_HEADER_BYTES} bytes, within the file")


def _tensor(path: Path, file: Any, name: str) -> npt.NDArray[Any]:
    wanted = "I64" if name.endswith(".offsets") else "F32"
    kind = file.get_slice(name).get_dtype()
    if kind != wanted:
        raise _unusable(path, f"{name} of type {kind}", wanted)
    array: npt.NDArray[Any] = file.get_tensor(name)
    return array


def _fields(path: Path, tensors: dict[str, npt.NDArray[Any]], metadata: dict[str, str]) -> dict[str, Any]:
    from videobert.codebook import MAX_LEVELS, Level

    fields: dict[str, Any] = {name: json.loads(metadata[name]) for name in _META}
    for name in ("backbone_hash", "clip_hash"):
        if not isinstance(fields[name], str):
            raise _unusable(path, f"{name} = {fields[name]!r}", "text")
    for name in ("agreement", "seed", "samples"):
        if isinstance(fields[name], bool) or not isinstance(fields[name], (int, float, type(None))):
            raise _unusable(path, f"{name} = {fields[name]!r}", "a number")
    levels: list[Level] = []
    while len(levels) < MAX_LEVELS and f"levels.{len(levels)}.centroids" in tensors:
        depth = len(levels)
        levels.append(Level(tensors.pop(f"levels.{depth}.centroids"), tensors.pop(f"levels.{depth}.offsets")))
    fields["levels"] = tuple(levels) if json.loads(metadata["tree"]) is True else None
    fields |= {"leaves": tensors.pop("leaves"), "distances": tensors.pop("distances")}
    if tensors or (levels and fields["levels"] is None):
        raise _unusable(path, sorted(tensors) or "levels without a tree", "the tensors of a codebook")
    return fields


def _unusable(path: Path, seen: object, allowed: str | None = None) -> ModelError:
    return ModelError(
        f"{path.name} is not a codebook that can be read",
        seen=seen,
        allowed=allowed,
        fix="Make it again with `videobert cluster` or `videobert import`.",
    )
