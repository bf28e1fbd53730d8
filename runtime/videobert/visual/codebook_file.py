"""`codebook.safetensors`: tensors `leaves`, `distances`, `levels.N.centroids`, `levels.N.offsets`, and metadata."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from videobert.base.arguments import described
from videobert.base.atomic import write_atomically
from videobert.base.errors import ModelError

Made = TypeVar("Made")

FORMAT = "videobert-codebook-1"
MAX_LEVELS = 16
_HEADER_BYTES = 1 << 20
_META = ("backbone_hash", "clip_hash", "agreement", "seed", "samples")


def write(codebook: Any, path: Path) -> None:
    """Write a `Codebook` to `path`."""
    from safetensors.numpy import save

    tensors: dict[str, npt.NDArray[Any]] = {"leaves": codebook.leaves}
    if codebook.distances is not None:
        tensors["distances"] = codebook.distances
    for depth, level in enumerate(codebook.levels or ()):
        tensors[f"levels.{depth}.centroids"] = level.centroids
        tensors[f"levels.{depth}.offsets"] = level.offsets
    metadata = {name: json.dumps(getattr(codebook, name)) for name in _META}
    metadata |= {"format": FORMAT, "tree": json.dumps(codebook.levels is not None)}
    if codebook.lifted:
        metadata["lifted"] = "true"
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


def read(path: Path, make: Callable[..., Made]) -> Made:
    """What `make` makes of an untrusted file; see `parse`."""
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        raise _unusable(path.name, f"{type(error).__name__}: {error}") from error
    return parse(content, path.name, make)


def parse(content: bytes, name: str, make: Callable[..., Made]) -> Made:
    """What `make` makes of the fields of a `Codebook` in the content of an untrusted file called `name`.

    Raises:
        ModelError: says what is wrong with it.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = bytes(memoryview(content))
    except (TypeError, ValueError) as error:  # no bytes, or released
        raise _unusable(name, described(content), "bytes") from error
    try:
        metadata = _metadata(content, name)
        if metadata.get("format") != FORMAT:
            raise _unusable(name, f"format {metadata.get('format')!r}", FORMAT)
        tensors = load(content)
        for tensor, array in tensors.items():
            wanted = np.dtype(np.int64 if tensor.endswith(".offsets") else np.float32)
            if array.dtype != wanted:
                raise _unusable(name, f"{tensor} of type {array.dtype}", str(wanted))
        return make(**_fields(name, tensors, metadata))
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        raise _unusable(name, f"{type(error).__name__}: {error}") from error


def _metadata(content: bytes, name: str) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    if length > min(_HEADER_BYTES, len(content)):
        raise _unusable(name, f"a header of {length} bytes", f"at most {_HEADER_BYTES} bytes, within the file")
    metadata = json.loads(content[8 : 8 + length]).get("__metadata__")
    return metadata if isinstance(metadata, dict) else {}


def _fields(name: str, tensors: dict[str, npt.NDArray[Any]], metadata: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {field: json.loads(metadata[field]) for field in _META}
    for field in ("backbone_hash", "clip_hash"):
        if not isinstance(fields[field], str):
            raise _unusable(name, f"{field} = {fields[field]!r}", "text")
    for field in ("agreement", "seed", "samples"):
        if isinstance(fields[field], bool) or not isinstance(fields[field], (int, float, type(None))):
            raise _unusable(name, f"{field} = {fields[field]!r}", "a number")
    levels: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
    while len(levels) < MAX_LEVELS and f"levels.{len(levels)}.centroids" in tensors:
        depth = len(levels)
        levels.append((tensors.pop(f"levels.{depth}.centroids"), tensors.pop(f"levels.{depth}.offsets")))
    fields["levels"] = tuple(levels) if json.loads(metadata["tree"]) is True else None
    fields |= {"leaves": tensors.pop("leaves"), "distances": tensors.pop("distances", None)}
    fields["lifted"] = json.loads(metadata.get("lifted", "false"))
    if tensors or (levels and fields["levels"] is None):
        raise _unusable(name, sorted(tensors) or "levels without a tree", "the tensors of a codebook")
    return fields


def _unusable(name: str, seen: object, allowed: str | None = None) -> ModelError:
    return ModelError(
        f"{name} is not a codebook that can be read",
        seen=seen,
        allowed=allowed,
        fix="Make it again with `videobert cluster` or `videobert import`.",
    )
