"""Named arrays in a `.npz` file, which is not trusted: nothing is unpickled, and sizes are checked before memory is."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from videobert.base.atomic import write_atomically
from videobert.base.errors import InputError, LimitExceeded

MOST_ARRAYS = 1024
MOST_BYTES = 4 << 30
_FIX = "Write it with numpy.savez(PATH, NAME=array, …)."


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a `.npz` file by name.

    Raises:
        InputError: it is missing, no such file, damaged, or holds Python objects or two arrays of one name.
        LimitExceeded: more than 1,024 arrays, or more than 4 GiB when unpacked.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_sizes(path.name, members)
            return {_array_name(path.name, member): _array(path.name, archive, member) for member in members}
    except FileNotFoundError as error:
        raise InputError("there is no such file of arrays", seen=str(path), fix="Check the path.") from error
    except IsADirectoryError as error:
        raise InputError("the file of arrays is a folder", seen=str(path), allowed="a .npz file", fix=_FIX) from error
    except (InputError, LimitExceeded):
        raise
    except Exception as error:  # parsers of damaged bytes raise anything
        raise InputError(
            f"{path.name} cannot be read as a .npz file",
            seen=(isinstance(error, OSError) and error.strerror) or "a file that is damaged or of another kind",
            allowed="named arrays of numbers",
            fix=_FIX,
        ) from error


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as a `.npz` file, which appears whole or not at all."""

    def write(new: Path) -> None:
        with new.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # a name could be that of an option

    write_atomically(path, write)


def _check_sizes(name: str, members: list[zipfile.ZipInfo]) -> None:
    unpacked = sum(member.file_size for member in members)
    for what, seen, most in (("arrays", len(members), MOST_ARRAYS), ("bytes", unpacked, MOST_BYTES)):
        if seen > most:
            raise LimitExceeded(f"{name} holds too many {what}", seen=seen, allowed=most, fix="Check fewer at a time.")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        twice = next(each for each in names if names.count(each) > 1)
        raise InputError(f"{name} holds two arrays of one name", seen=twice, fix="Keep one of them.")


def _array_name(file: str, member: zipfile.ZipInfo) -> str:
    if not member.filename.endswith(".npy"):
        raise InputError(f"{file} holds something that is no array", seen=member.filename, allowed="NAME.npy", fix=_FIX)
    return member.filename.removesuffix(".npy")


def _array(file: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as opened:
        _check_header(file, opened, member)
    with archive.open(member) as opened:
        array: npt.NDArray[Any] = np.lib.format.read_array(opened, allow_pickle=False)
    return array


def _check_header(file: str, opened: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Compare what the header claims with what is there: numpy would first take the memory claimed."""
    version = np.lib.format.read_magic(opened)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(opened)
    if dtype.hasobject:
        raise InputError(
            f"{file}: {member.filename} holds Python objects", seen=str(dtype), allowed="plain numbers", fix=_FIX
        )
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != member.file_size - opened.tell():
        raise InputError(
            f"{file}: {member.filename} is not as long as its header says",
            seen=f"{member.file_size} bytes",
            allowed=f"{dtype} {shape}",
            fix=_FIX,
        )
