"""Open other people's checkpoints without trusting them: nothing in a file is ever executed."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from videobert.base.errors import LimitExceeded, ModelError
from videobert_modeling.importers.shared.expansion import bytes_of, check_expansion
from videobert_modeling.importers.shared.shards import INDEX, read_shards

MAX_FILE_BYTES = 16 * 2**30
MAX_HEADER_BYTES = 100 * 10**6
MAX_TENSORS = 100_000
_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "module")
# What wraps a network for training puts its own name before the network's, in this place or inside: torch.compile,
# fully sharded data parallelism, activation checkpointing. No network has parts of these names.
_WRAPPED = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
# Attributes that data parallelism and training frameworks keep the network in; only where every name begins so.
_HOLDERS = ("module", "model", "_forward_module")
# What a folder is searched for, in this order.
_IN_FOLDER = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "univl.pretrained.bin",
)


@dataclass(slots=True)
class Checkpoint:
    """Named tensors of a file, on the CPU, and what was taken off round them."""

    path: Path
    tensors: dict[str, Tensor]
    notes: list[str] = field(default_factory=list)


def open_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint: safetensors, either in shards, .pt, .pth, .bin, .npz or .npy.

    A folder stands for the weights file in it. PyTorch files are read with `weights_only=True`, arrays without
    objects. What lies round the tensors is taken off and noted: dicts such as `state_dict`, and the names that
    `torch.compile` (`_orig_mod.`), data parallelism (`module.`) and their like put before a tensor's own.

    Raises:
        ModelError: missing, damaged, of another kind, holding anything but plain tensors, or two tensors have one name.
        LimitExceeded: larger than the limits of this module and of `read_shards`.
    """
    path = _weights_file(Path(path))
    notes: list[str] = []
    if path.name.endswith(INDEX):
        found = _sharded(path)
    else:
        found = _tensors(_read(path), notes)
        check_expansion(path.name, bytes_of(found.values()), path.stat().st_size)
    return Checkpoint(path, _without_prefix(found, notes), notes)


def open_array(path: Path) -> npt.NDArray[Any]:
    """The array in a `.npy` file or the only one in a `.npz` file; raises as `open_checkpoint`."""
    arrays = _read(path)
    if not isinstance(arrays, Mapping) or len(arrays) != 1:
        raise ModelError(f"{path.name} should hold one array", seen=type(arrays).__name__, allowed=1)
    return np.asarray(next(iter(arrays.values())))


def _weights_file(path: Path) -> Path:
    if path.is_dir():
        for name in _IN_FOLDER:
            if (path / name).is_file():
                return path / name
        raise ModelError(f"no weights in the folder {path.name}", allowed=", ".join(_IN_FOLDER))
    if not path.is_file():
        raise ModelError("the checkpoint does not exist", seen=str(path), fix="Check the path.")
    return path


def _read(path: Path) -> object:
    _check_size(path)
    return _guarded(path, _READERS.get(path.suffix.lower(), _unknown))


def _guarded(path: Path, read: Callable[[Path], object]) -> Any:
    try:
        return read(path)
    except (ModelError, LimitExceeded):
        raise
    except Exception as error:  # parsers of damaged bytes raise anything
        raise ModelError(
            f"{path.name} cannot be read as plain tensors",
            seen=f"{type(error).__name__}: {error}".splitlines()[0],
            fix="Files that need code to load are refused; save the bare state dict, best as safetensors.",
        ) from error


def _check_size(path: Path) -> None:
    if not path.is_file():
        raise ModelError("the file does not exist", seen=str(path), fix="Check the path.")
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise LimitExceeded(f"{path.name} is too large (bytes)", seen=size, allowed=MAX_FILE_BYTES)


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import safe_open

    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > min(MAX_HEADER_BYTES, path.stat().st_size - 8):
        raise ModelError(
            f"{path.name} has a header of impossible length",
            seen=header,
            allowed=f"at most {MAX_HEADER_BYTES} bytes, within the file",
        )
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def _torch_file(path: Path) -> object:
    if zipfile.is_zipfile(path):
        _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return torch.load(path, map_location="cpu", weights_only=True)


def _npz(path: Path) -> dict[str, npt.NDArray[Any]]:
    _check_archive(path)
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            with archive.open(info) as file:
                _check_array(info.filename, file, info.file_size)
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _npy(path: Path) -> dict[str, npt.NDArray[Any]]:
    with path.open("rb") as file:
        _check_array(path.name, file, path.stat().st_size)
    return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False)}


def _unknown(path: Path) -> object:
    raise ModelError(
        f"{path.name} is not a kind of checkpoint that is read here",
        seen=path.suffix or "no suffix",
        allowed=f"a folder, *{INDEX}, {', '.join(_READERS)}",
    )


_READERS: dict[str, Callable[[Path], object]] = {
    ".safetensors": _safetensors,
    ".pt": _torch_file,
    ".pth": _torch_file,
    ".bin": _torch_file,
    ".npz": _npz,
    ".npy": _npy,
}

READABLE = tuple(_READERS)
"""Endings of the files that `open_checkpoint` reads."""


def _check_archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
    check_expansion(path.name, unpacked, path.stat().st_size)


def _check_array(name: str, file: IO[bytes], size: int) -> None:
    """Compare what an array's header claims with what is there: numpy would first take the memory claimed."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ModelError(f"array {name} holds Python objects", allowed="plain numbers")
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != size - file.tell():
        raise ModelError(f"array {name} is not as long as its header says", seen=size, allowed=f"shape {shape}")


def _sharded(index: Path) -> dict[str, Tensor]:
    # All files together are held to what one may be, so that a checkpoint is bounded the same in either form.
    return read_shards(index, lambda shard: _tensors(_read(shard), []), max_bytes=MAX_FILE_BYTES)


def _tensors(value: object, notes: list[str]) -> dict[str, Tensor]:
    """The tensors of a state dict, which may be wrapped in a dict beside other things."""
    for _ in range(3):
        wrapper = next((k for k in _WRAPPERS if isinstance(value, Mapping) and isinstance(value.get(k), Mapping)), None)
        if wrapper is None:
            break
        beside = sorted(str(k) for k in value if k != wrapper)  # type: ignore[attr-defined]
        notes.append(
            f"took the tensors from `{wrapper}`" + (f"; left beside it: {', '.join(beside)}" if beside else "")
        )
        value = value[wrapper]  # type: ignore[index]
    if not isinstance(value, Mapping) or not value or len(value) > MAX_TENSORS:
        raise ModelError("the file does not hold named tensors", seen=type(value).__name__, allowed="a state dict")
    found = {}
    for name, item in value.items():
        if isinstance(item, np.ndarray) and item.dtype.kind in "fiu":
            item = torch.from_numpy(np.array(item))
        if not isinstance(name, str) or not _is_plain(item):
            raise ModelError(
                f"entry {name} of the state dict is not a plain tensor",
                seen=type(item).__name__,
                fix="Save the bare state dict.",
            )
        found[name] = item
    return found


def _is_plain(item: object) -> bool:
    return (
        isinstance(item, Tensor)
        and item.layout == torch.strided
        and item.device.type == "cpu"
        and not item.is_quantized
        # A stride of 0 can make a few bytes look like terabytes.
        and item.numel() * item.element_size() <= MAX_FILE_BYTES
    )


def _without_prefix(tensors: dict[str, Tensor], notes: list[str]) -> dict[str, Tensor]:
    names = {name: [part for part in name.split(".") if part not in _WRAPPED] for name in tensors}
    wrapped = sorted({part for name in tensors for part in name.split(".")} & set(_WRAPPED))
    notes += [f"took `{part}.` out of the names" for part in wrapped]
    while holder := next((h for h in _HOLDERS if all(p[:1] == [h] and p[1:] for p in names.values())), None):
        names = {name: parts[1:] for name, parts in names.items()}
        notes.append(f"took the prefix `{holder}.` off every name")
    found: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for name, parts in names.items():
        plain = ".".join(parts)
        if plain in origin:
            raise ModelError(
                f"tensors {origin[plain]} and {name} of the checkpoint would both be {plain or 'without a name'}",
                fix="Save the state dict of one network.",
            )
        origin[plain], found[plain] = name, tensors[name]
    return found
