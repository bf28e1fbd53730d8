"""The index of a checkpoint in several files: which file holds which tensor. It is not trusted."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from videobert.base.errors import LimitExceeded, ModelError
from videobert_modeling.importers.shared.expansion import bytes_of, check_expansion

INDEX = ".index.json"
MAX_INDEX_BYTES = 100 * 10**6
MAX_SHARDS = 1000
_WHOLE = "Get a whole copy of the checkpoint."
_NAMED = 8


def read_shards(index: Path, read: Callable[[Path], dict[str, Tensor]], *, max_bytes: int) -> dict[str, Tensor]:
    """The tensors of all files that an index names.

    Args:
        read: the tensors of one of them.
        max_bytes: of all files together.

    Raises:
        ModelError: the index is damaged or names a file that does not lie beside it, one file under two names, or a
            tensor twice; a file is missing, or holds other tensors than the index says.
        LimitExceeded: too large, also when unpacked, or too many files.
    """
    files = _files(index)
    total = _check_files(index, files, max_bytes)
    found: dict[str, Tensor] = {}
    unpacked = 0
    for name, listed in files.items():
        tensors = read(index.parent / name)
        _check_tensors(name, listed, tensors)
        found |= tensors
        # Each by itself may hold little: there can be a thousand of them.
        unpacked += bytes_of(tensors.values())
        check_expansion(index.name, unpacked, total)
    return found


def _files(index: Path) -> dict[str, set[str]]:
    """Names of tensors by the file that holds them."""
    try:
        if index.stat().st_size > MAX_INDEX_BYTES:
            raise LimitExceeded(f"{index.name} is too large (bytes)", allowed=MAX_INDEX_BYTES)
        fields = json.loads(index.read_text(encoding="utf-8"), object_pairs_hook=_without_doubles)
        weight_map = dict(fields["weight_map"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{index.name} is not an index of shards", seen=str(error), fix=_WHOLE) from error
    files: dict[str, set[str]] = {}
    for tensor, name in sorted(weight_map.items()):
        # A shard is a plain name beside its index; anything else could point outside the folder.
        if not isinstance(name, str) or Path(name).name != name or name.endswith(INDEX):
            raise ModelError(f"{index.name} names a shard that is not a file beside it", seen=name, fix=_WHOLE)
        files.setdefault(name, set()).add(tensor)
    if not files or len(files) > MAX_SHARDS:
        raise LimitExceeded(f"{index.name} names no shard, or too many", seen=len(files), allowed=f"1 to {MAX_SHARDS}")
    return files


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"{name} is listed twice")
        fields[name] = value
    return fields


def _check_files(index: Path, names: Mapping[str, object], max_bytes: int) -> int:
    """Look at the files themselves; their size together."""
    seen: dict[tuple[int, int], str] = {}
    total = 0
    for name in names:
        try:
            status = (index.parent / name).stat()
            if not stat.S_ISREG(status.st_mode):
                raise ValueError("not a file")
        except (OSError, ValueError) as error:
            raise ModelError(
                f"a shard that {index.name} names does not exist", seen=name, allowed="a file beside it", fix=_WHOLE
            ) from error
        first = seen.setdefault((status.st_dev, status.st_ino), name)
        if first != name:
            raise ModelError(
                f"{index.name} names one shard twice",
                seen=f"{first} and {name}",
                allowed="files of their own",
                fix=_WHOLE,
            )
        total += status.st_size
    if total > max_bytes:
        raise LimitExceeded(f"the shards of {index.name} are too large (bytes)", seen=total, allowed=max_bytes)
    return total


def _check_tensors(name: str, listed: set[str], tensors: Mapping[str, Tensor]) -> None:
    if tensors.keys() == listed:
        return
    lacking, more = sorted(listed - tensors.keys()), sorted(tensors.keys() - listed)
    parts = [f"lacks {_some(lacking)}"] if lacking else []
    parts += [f"holds {_some(more)} too"] if more else []
    raise ModelError(
        f"the shard {name} does not hold the tensors that its index lists for it",
        seen=f"{name} " + ", ".join(parts),
        fix=_WHOLE,
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
