"""A file that `torch.save` wrote of a state dict, read without torch and without `pickle`.

Two forms. Since torch 1.6 a zip, nothing in it compressed: `archive/data.pkl`, and `archive/data/KEY` for each storage
(`archive` may be called otherwise). Before, five pickles in a row: a magic number, the protocol 1001, what the machine
was like, the state dict, the storages' keys; then each storage as its number of elements (int64) and its bytes.
"""

from __future__ import annotations

import struct
import zipfile
from io import BytesIO
from typing import Any

import numpy.typing as npt

from videobert.get.pickle_machine import GlobalName, Vocabulary, follow_pickle, refuse
from videobert.get.torch_pickle import MOST_TENSORS, Storage, read_torch_pickle, with_values

MOST_BYTES = 256 << 20
_MOST_PICKLE_BYTES = 16 << 20
_ZIP = b"PK\x03\x04"
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def read_torch_file(content: bytes) -> dict[str, npt.NDArray[Any]]:
    """The tensors of a state dict.

    Returns:
        By name: float32, float16 or int64, little-endian, C-contiguous.

    Raises:
        ModelError: it is damaged or past a limit, or holds anything but a dict of such tensors.
    """
    if len(content) > MOST_BYTES:
        refuse("is too large", f"{len(content)} bytes", f"at most {MOST_BYTES} bytes")
    return _from_zip(content) if content.startswith(_ZIP) else _from_stream(content)


def _from_zip(content: bytes) -> dict[str, npt.NDArray[Any]]:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            sizes = _member_sizes(archive, len(content))
            (pickled,) = (name for name in sizes if name.count("/") == 1 and name.endswith("/data.pkl"))
            top = pickled.removesuffix("data.pkl")
            if sizes[pickled] > _MOST_PICKLE_BYTES:
                refuse("is too large", f"{sizes[pickled]} bytes", f"at most {_MOST_PICKLE_BYTES} bytes")
            if f"{top}byteorder" in sizes and archive.read(f"{top}byteorder") != b"little":
                refuse("was written by another kind of machine", allowed="little-endian numbers")

            def storage(wanted: Storage) -> bytes:
                return archive.read(f"{top}data/{wanted.key}")

            return with_values(read_torch_pickle(BytesIO(archive.read(pickled))), storage)
    except (zipfile.BadZipFile, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        refuse("lies in a zip that is damaged", f"{type(error).__name__}: {error}")


def _member_sizes(archive: zipfile.ZipFile, most_bytes: int) -> dict[str, int]:
    """The sizes of the members, which are not compressed, and together no larger than the file."""
    members = archive.infolist()
    if len(members) > 2 * MOST_TENSORS:
        refuse("lies in a zip with too many members", len(members), f"at most {2 * MOST_TENSORS}")
    for member in members:
        plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
        if not plain or member.file_size > member.compress_size:
            refuse("lies in a zip that is compressed", member.filename, "members that are stored as they are")
    # Members may share the same bytes, so their sum tells more than each of them.
    total = sum(member.file_size for member in members)
    if total > most_bytes:
        refuse("lies in a zip whose members overlap", f"{total} bytes in a file of {most_bytes}")
    sizes = {member.filename: member.file_size for member in members}
    if len(sizes) != len(members):
        refuse("lies in a zip that has a name twice")
    return sizes


def _from_stream(content: bytes) -> dict[str, npt.NDArray[Any]]:
    stream, plain = BytesIO(content), _NoNames()
    start = follow_pickle(stream, plain), follow_pickle(stream, plain)
    if start != (_MAGIC, _PROTOCOL):
        refuse("is not a file of torch")
    machine = follow_pickle(stream, plain)
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        refuse("was written by another kind of machine", allowed="little-endian numbers")
    tensors = read_torch_pickle(stream)
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    keys = follow_pickle(stream, plain)
    # Texts before anything is hashed: the hash of tuples in tuples in tuples ends the process.
    if type(keys) is not list or any(type(key) is not str for key in keys) or sorted(keys) != sorted(storages):
        refuse("has other storages than its tensors need")
    contents = {key: _next_storage(stream, storages[key]) for key in keys}
    if stream.tell() != len(content):
        refuse("goes on after its end", f"{len(content) - stream.tell()} bytes more", "nothing")
    return with_values(tensors, lambda storage: contents[storage.key])


def _next_storage(stream: BytesIO, storage: Storage) -> bytes:
    head = stream.read(8)
    if len(head) != 8 or struct.unpack("<q", head)[0] != storage.elements:
        refuse("has a storage of another size than its tensors need", allowed=f"{storage.elements} elements")
    return stream.read(storage.size_bytes)


class _NoNames(Vocabulary):
    """Pickles of numbers and texts alone."""

    def known(self, name: GlobalName) -> bool:
        return False

    def call(self, name: GlobalName, arguments: tuple[Any, ...]) -> object:
        refuse("calls code", str(name))

    def build(self, made: object, state: object) -> object:
        refuse("gives a state to something", type(made).__name__)

    def persistent(self, identity: object) -> object:
        refuse("points to something outside of itself", type(identity).__name__)
