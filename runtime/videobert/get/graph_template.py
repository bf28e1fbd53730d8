"""A graph without its weights: what ships in place of the file that `videobert build` would write.

A template is made from an exported graph whose weights were random. Filled with a model's weights it is, byte for
byte, the file that `videobert build` makes of them, and filling needs neither torch nor onnx.

The file: the line `videobert graph template`, then, zlib-compressed, a line of JSON and the graph with its holes cut
out. The JSON has `version`, `size_bytes` of the finished graph, and `holes`, see `template_table`.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from videobert.base.errors import MismatchError, ModelError
from videobert.get.template_hole import Hole, Tensors
from videobert.get.template_table import hole_from_json, hole_to_json

_MAGIC = b"videobert graph template\n"
VERSION = 1
# A base-size encoder's graph without its weights has 60 KB, and 200 holes.
_MOST_UNPACKED_BYTES = 1 << 24
_MOST_HOLES = 1 << 14
_MOST_GRAPH_BYTES = (1 << 31) - 1  # of any protobuf message


@dataclass(frozen=True, slots=True)
class GraphTemplate:
    """A graph's bytes with the holes cut out, and the holes in the order of their offsets."""

    rest: bytes
    holes: tuple[Hole, ...]

    @classmethod
    def of(cls, content: bytes, holes: Sequence[Hole]) -> GraphTemplate:
        """The template of a graph whose weights lie in `holes`."""
        ordered = tuple(sorted(holes, key=lambda hole: hole.offset))
        parts, place = [], 0
        for hole in ordered:
            parts.append(content[place : hole.offset])
            place = hole.offset + hole.size_bytes
        return cls(b"".join((*parts, content[place:])), ordered)

    @classmethod
    def from_bytes(cls, template: bytes) -> GraphTemplate:
        """The template that `to_bytes` wrote.

        Raises:
            ModelError: the file is damaged, of another version, or larger than any template.
        """
        try:
            head, rest = _unpacked(template).split(b"\n", 1)
            fields = json.loads(head)
            if not isinstance(fields, dict) or fields.get("version") != VERSION:
                raise ValueError(f"not version {VERSION}")
            if fields.keys() != {"version", "size_bytes", "holes"} or not isinstance(fields["holes"], list):
                raise ValueError("other fields than a template has")
            if len(fields["holes"]) > _MOST_HOLES:
                raise ValueError(f"{len(fields['holes'])} holes")
            holes = tuple(hole_from_json(each) for each in fields["holes"])
            _check_places(holes, len(rest), fields["size_bytes"])
        except (ValueError, RecursionError) as error:
            raise ModelError(
                "a template of a graph is damaged",
                seen=str(error),
                fix="Install videobert again: `pip install --force-reinstall --no-deps videobert`.",
            ) from error
        return cls(rest, holes)

    def to_bytes(self) -> bytes:
        """The file; the same template gives the same bytes."""
        size = len(self.rest) + sum(hole.size_bytes for hole in self.holes)
        fields = {"version": VERSION, "size_bytes": size, "holes": [hole_to_json(hole) for hole in self.holes]}
        head = json.dumps(fields, separators=(",", ":")).encode()
        return _MAGIC + zlib.compress(head + b"\n" + self.rest, 9)

    def fill(self, tensors: Tensors) -> bytes:
        """The graph with the weights of a model.

        Args:
            tensors: as in `model.safetensors`, float16 or float32, by name; others than the graph's are passed over.

        Raises:
            MismatchError: see `Hole.content`; or two small tensors are equal, which the exporter would store once.
        """
        parts: list[bytes | memoryview] = []
        rest, place, filled = memoryview(self.rest), 0, 0
        small: dict[object, Hole] = {}
        for hole in self.holes:
            length = hole.offset - filled - place
            content = hole.content(tensors)
            key = hole.shared_key(content)
            if key is not None and key in small:
                raise MismatchError(
                    "two small tensors are equal, which a graph would store once",
                    seen=f"{small[key].tensor} and {hole.tensor}",
                    fix="Write the graphs with `videobert build` where torch is installed.",
                )
            small |= {} if key is None else {key: hole}
            parts += [rest[place : place + length], content]
            place += length
            filled += len(content)
        return b"".join((*parts, rest[place:]))


def fill(template: bytes, tensors: Tensors) -> bytes:
    """The graph file that a template's file gives with the weights of a model.

    Args:
        tensors: see `GraphTemplate.fill`.

    Raises:
        ModelError: the template is damaged.
        MismatchError: the weights do not fit it.
    """
    return GraphTemplate.from_bytes(template).fill(tensors)


def _unpacked(template: bytes) -> bytes:
    if not template.startswith(_MAGIC):
        raise ValueError("another beginning than a template has")
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(template[len(_MAGIC) :], _MOST_UNPACKED_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"cut, followed by something, or more than {_MOST_UNPACKED_BYTES} bytes unpacked")
    return content


def _check_places(holes: tuple[Hole, ...], rest: int, size: object) -> None:
    """Whether the holes follow each other, and together with what lies between them give the size that was told."""
    end = 0
    for hole in holes:
        if hole.offset < end:
            raise ValueError(f"holes that overlap at byte {hole.offset}")
        end = hole.offset + hole.size_bytes
        if end > _MOST_GRAPH_BYTES:
            raise ValueError(f"a graph of more than {_MOST_GRAPH_BYTES} bytes")
    whole = rest + sum(hole.size_bytes for hole in holes)
    if whole != size or end > whole:
        raise ValueError(f"{whole} bytes with holes up to byte {end} instead of {size}")
