"""Where in an ONNX file the values of its initialisers lie, which the onnx library does not tell."""

from __future__ import annotations

from collections.abc import Iterator

from videobert.base.errors import ModelError

# Field numbers of onnx.proto and wire types of protobuf.
_GRAPH, _INITIALIZER, _NAME, _RAW_DATA = 7, 5, 8, 9
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def raw_data_places(content: bytes) -> dict[str, tuple[int, int]]:
    """Offset and length of the raw data of each initialiser of a serialised model, by name.

    Those that have no raw data, such as those whose values lie in another file, are left out.

    Raises:
        ModelError: this is not an ONNX file as the exporter writes it.
    """
    places = {}
    try:
        for _, start, end in _of(content, 0, len(content), _GRAPH):
            for _, first, last in _of(content, start, end, _INITIALIZER):
                inner = {number: (a, b) for number, a, b in _fields(content, first, last)}
                if _RAW_DATA in inner and _NAME in inner:
                    name = content[slice(*inner[_NAME])].decode()
                    begin, stop = inner[_RAW_DATA]
                    places[name] = (begin, stop - begin)
    except (IndexError, ValueError) as error:
        raise ModelError("a graph cannot be read", seen=str(error), fix="Export it again.") from error
    return places


def _of(content: bytes, start: int, end: int, wanted: int) -> Iterator[tuple[int, int, int]]:
    return (field for field in _fields(content, start, end) if field[0] == wanted)


def _fields(content: bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, first byte and last byte + 1 of each field that has a length; the others are passed over."""
    while place < end:
        tag, place = _varint(content, place)
        number, wire = tag >> 3, tag & 7
        if wire == _BYTES:
            size, place = _varint(content, place)
            yield number, place, place + size
            place += size
        elif wire == _VARINT:
            _, place = _varint(content, place)
        elif wire in (_FIXED32, _FIXED64):
            place += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire} at byte {place}")
    if place != end:
        raise ValueError(f"a field ends at byte {place} instead of {end}")


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
