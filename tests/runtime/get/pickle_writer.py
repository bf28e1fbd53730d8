"""Pickles written opcode by opcode, sound and poisoned, without anything that they name being there."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np

PROTOCOL, STOP = b"\x80\x02", b"."
MAGIC = 0x1950A86A20F9469CFC6C


@dataclass(frozen=True)
class Global:
    module: str
    name: str


@dataclass(frozen=True)
class Call:
    what: Any
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Built:
    made: Any
    state: Any


@dataclass(frozen=True)
class Outside:
    identity: Any


@dataclass(frozen=True)
class Raw:
    """Opcodes as they are."""

    opcodes: bytes


ORDERED_DICT = Global("collections", "OrderedDict")
REBUILD = Global("torch._utils", "_rebuild_tensor_v2")
STORAGES = {"<f4": "FloatStorage", "<f2": "HalfStorage", "<i8": "LongStorage", "<f8": "DoubleStorage"}


def pickled(value: Any) -> bytes:
    return PROTOCOL + emit(value) + STOP


def emit(value: Any) -> bytes:
    match value:
        case Raw():
            return value.opcodes
        case Global():
            return f"c{value.module}\n{value.name}\n".encode()
        case Call():
            return emit(value.what) + emit(value.arguments) + b"R"
        case Built():
            return emit(value.made) + emit(value.state) + b"b"
        case Outside():
            return emit(value.identity) + b"Q"
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int() if -(1 << 31) <= value < 1 << 31:
            return b"J" + struct.pack("<i", value)
        case int():
            content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(content)]) + content
        case str():
            content = value.encode()
            return b"X" + struct.pack("<I", len(content)) + content
        case bytes():
            return b"B" + struct.pack("<I", len(value)) + value
        case tuple():
            return b"(" + b"".join(map(emit, value)) + b"t"
        case list():
            return b"](" + b"".join(map(emit, value)) + b"e"
        case dict():
            return b"}(" + b"".join(emit(key) + emit(each) for key, each in value.items()) + b"u"
    raise TypeError(type(value))


def tensor(
    key: str,
    array: np.ndarray,
    *,
    offset: int = 0,
    shape: tuple[int, ...] | None = None,
    strides: tuple[int, ...] | None = None,
    elements: int | None = None,
    rest: tuple[Any, ...] = (),
) -> Call:
    """What torch writes for a tensor whose storage is `array`."""
    kind = Global("torch", STORAGES[array.dtype.str])
    storage = Outside(("storage", kind, key, "cpu", array.size if elements is None else elements, *rest))
    own = tuple(stride // array.itemsize for stride in array.strides)
    shape = array.shape if shape is None else shape
    return Call(REBUILD, (storage, offset, shape, own if strides is None else strides, False, Call(ORDERED_DICT, ())))


def state_dict(tensors: Mapping[str, Any]) -> Raw:
    items = b"(" + b"".join(emit(name) + emit(value) for name, value in tensors.items()) + b"u"
    return Raw(emit(Call(ORDERED_DICT, ())) + items)


def zip_form(
    state: Any, storages: Mapping[str, np.ndarray], *, compressed: bool = False, byteorder: bytes | None = b"little"
) -> bytes:
    """A file of torch since 1.6."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled(state))
        if byteorder is not None:
            archive.writestr("archive/byteorder", byteorder)
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        archive.writestr("archive/version", b"3\n")
    return stream.getvalue()


def stream_form(state: Any, storages: Mapping[str, np.ndarray], *, little_endian: bool = True) -> bytes:
    """A file of torch before 1.6."""
    parts = [pickled(MAGIC), pickled(1001), pickled({"protocol_version": 1001, "little_endian": little_endian})]
    parts += [pickled(state), pickled(list(storages))]
    for array in storages.values():
        parts += [struct.pack("<q", array.size), array.tobytes()]
    return b"".join(parts)
