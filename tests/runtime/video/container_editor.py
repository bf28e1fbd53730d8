"""Edits to the headers of containers that no muxer's option makes: boxes of MP4 and elements of Matroska."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from pathlib import Path

# A box's children begin behind so many bytes of its content.
_FIELDS = {b"stsd": 8, b"avc1": 78, b"jpeg": 78, b"mp4v": 78, b"hvc1": 78, b"hev1": 78}
_SEEK_HEAD = 0x114D9B74


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each."""
    found, at = [], 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + size]))
        at += size
    return found


def edit_boxes(path: Path, names: Sequence[bytes], edit: Callable[[bytes], bytes], nth: int = 0) -> None:
    """Replace the content of a box, found by the names on the way to it; `nth` of the `trak`s on that way.

    The film's own data must lie before the header: nothing moves then.
    """
    path.write_bytes(_edited(path.read_bytes(), list(names), edit, nth))


def _edited(data: bytes, names: list[bytes], edit: Callable[[bytes], bytes], nth: int) -> bytes:
    parts, place = [], 0
    for kind, content in boxes(data):
        if kind == names[0]:
            if place == (nth if kind == b"trak" else 0):
                skip = _FIELDS.get(kind, 0)
                inner = content[:skip] + _edited(content[skip:], names[1:], edit, nth) if names[1:] else None
                content = edit(content) if inner is None else inner
            place += 1
        parts.append(box(kind, content))
    assert place, f"there is no {names[0]!r}"
    return b"".join(parts)


def add_chapters(path: Path, of: int, held_by: Sequence[int]) -> None:
    """Let a track (by its place) name others (by their id) as those that hold its chapters."""
    ids = struct.pack(f">{len(held_by)}I", *held_by)
    edit_boxes(path, [b"moov", b"trak"], lambda trak: trak + box(b"tref", box(b"chap", ids)), of)


def set_enabled(path: Path, track: int, enabled: bool) -> None:
    """The flag in a track's header."""
    edit_boxes(path, [b"moov", b"trak", b"tkhd"], lambda head: head[:3] + bytes([enabled | 2]) + head[4:], track)


def set_clean_aperture(path: Path, numbers: Sequence[int], entry: bytes = b"avc1", track: int = 0) -> None:
    """Eight numbers: width, height, how far right and how far down, as numerator and denominator each."""
    clap = box(b"clap", struct.pack(">IIIIiIiI", *numbers))
    way = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", entry]
    edit_boxes(path, way, lambda content: content + clap, track)


def element(id_: int, content: bytes | int) -> bytes:
    """An element of Matroska, its size in eight bytes."""
    if isinstance(content, int):
        content = content.to_bytes(4)
    name = id_.to_bytes((id_.bit_length() + 7) // 8)
    return name + (1 << 56 | len(content)).to_bytes(8) + content


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Identifier and content of each; one of unknown size reaches to the end."""
    found, at = [], 0
    while at < len(data):
        id_length = 9 - data[at].bit_length()
        id_ = int.from_bytes(data[at : at + id_length])
        at += id_length
        length = 9 - data[at].bit_length()
        size = int.from_bytes(data[at : at + length]) & ((1 << 7 * length) - 1)
        if size == (1 << 7 * length) - 1:
            size = len(data) - at - length
        at += length
        found.append((id_, data[at : at + size]))
        at += size
    return found


def edit_elements(path: Path, ids: Sequence[int], edit: Callable[[bytes], bytes], nth: int = 0) -> None:
    """Replace the content of an element of Matroska, found by the identifiers on the way; `nth` of the tracks.

    What it says of places in the file goes: they move.
    """
    path.write_bytes(_with_elements_edited(path.read_bytes(), list(ids), edit, nth))


def _with_elements_edited(data: bytes, ids: list[int], edit: Callable[[bytes], bytes], nth: int) -> bytes:
    parts, place = [], 0
    for id_, content in elements(data):
        if id_ == ids[0]:
            if place == (nth if id_ == 0xAE else 0):
                content = _with_elements_edited(content, ids[1:], edit, nth) if ids[1:] else edit(content)
            place += 1
        if id_ != _SEEK_HEAD:
            parts.append(element(id_, content))
    assert place, f"there is no {ids[0]:x}"
    return b"".join(parts)
