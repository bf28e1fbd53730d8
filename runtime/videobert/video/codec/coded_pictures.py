"""What the bytes of a packet say of its picture: may decoding begin here, and does another picture refer to it?

Only what the codecs' own headers state is used (H.264: ITU-T H.264, 7.3.1 and 7.4.1; HEVC: ITU-T H.265, 7.3.1.2 and
7.4.2.2). A container's flags are not enough: it may mark as a key frame what needs pictures before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from videobert.video.codec.hidden_frames import shows_a_frame
from videobert.video.codec.picture_order import AsDecoded, H264Order, HevcOrder, PictureOrder

# Codecs whose key frames need nothing before them, as their decoders promise.
_INDEPENDENT = frozenset({"mjpeg", "prores", "dnxhd", "rawvideo"})
_KEYED = frozenset({"vp8", "vp9", "av1"}) | _INDEPENDENT
SKIPPABLE_CODECS = _KEYED | {"h264", "hevc"}
_H264_SLICES, _H264_IDR = range(1, 6), 5
_HEVC_SLICES, _HEVC_IRAP, _HEVC_LEADING, _HEVC_CRA = range(32), range(16, 22), range(6, 10), 21
# Of slices up to this type, the even ones are no reference for pictures of their own temporal layer.
_HEVC_LAST_NON_REFERENCE = 14


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """What a packet holds.

    Args:
        lands: decoding may begin here: no picture from here on needs one from before, leading ones apart.
        leading: it is decoded after a landing and shown before it, and may need what came before.
        referred: another picture may need it.
        resumes: it lands, but places are counted on from before.
        layer: temporal layer; a picture that is not `referred` may still be needed by one of a higher layer.
        shown: decoding it shows a frame.
        place: in the order of presentation, among those from one landing to the next.
    """

    lands: bool
    leading: bool = False
    referred: bool = True
    layer: int = 0
    shown: bool = True
    resumes: bool = False
    place: int = 0


class PictureReader:
    """Reads the packets of one stream, each once and in the order of decoding.

    Args:
        codec: the codec's name, one of `SKIPPABLE_CODECS`.
        extradata: the stream's parameters, which say how the units of a packet are separated.
    """

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self._codec = codec
        self._length_bytes = _length_bytes(codec, extradata or b"")
        self._order = _order_of(codec, extradata)

    @property
    def independent(self) -> bool:
        """Whether every picture of the codec stands for itself."""
        return self._codec in _INDEPENDENT

    def read(self, data: bytes, is_keyframe: bool) -> CodedPicture | None:
        """The picture in a packet; None where the packet does not tell, or one before it is missing."""
        picture = self._picture(data, is_keyframe)
        if picture is None:
            return None
        # A picture that others are led by keeps the count of those before it.
        restarts = picture.lands and not picture.resumes
        anchors = picture.referred and not picture.leading and picture.layer == 0
        place = self._order.place(data, restarts=restarts, anchors=anchors)
        return None if place is None else replace(picture, place=place)

    def _picture(self, data: bytes, is_keyframe: bool) -> CodedPicture | None:
        if self._codec in _KEYED:
            return CodedPicture(is_keyframe, shown=shows_a_frame(self._codec, data))
        units = list(_units(data, self._length_bytes))
        if any(not unit for unit in units):
            return None
        return _h264(units) if self._codec == "h264" else _hevc(units)


def _h264(units: list[bytes]) -> CodedPicture | None:
    heads = [unit[0] for unit in units if unit[0] & 31 in _H264_SLICES]
    if not heads:
        return None
    return CodedPicture(
        lands=all(head & 31 == _H264_IDR for head in heads), referred=any(head >> 5 & 3 for head in heads)
    )


def _hevc(units: list[bytes]) -> CodedPicture | None:
    if any(len(unit) < 2 for unit in units):
        return None
    # Other layers (a second view, say) are not decoded.
    heads = [(unit[0] >> 1 & 63, unit[1] & 7) for unit in units if not (unit[0] & 1 or unit[1] >> 3)]
    slices = [(kind, layer) for kind, layer in heads if kind in _HEVC_SLICES]
    if not slices:
        return None
    kind, layer = slices[0]
    if any(other != slices[0] for other in slices):
        return None
    return CodedPicture(
        lands=kind in _HEVC_IRAP,
        leading=kind in _HEVC_LEADING,
        referred=kind > _HEVC_LAST_NON_REFERENCE or kind % 2 == 1,
        layer=layer - 1,
        resumes=kind == _HEVC_CRA,
    )


def _order_of(codec: str, extradata: bytes | None) -> PictureOrder:
    match codec:
        case "h264":
            return H264Order(extradata)
        case "hevc":
            return HevcOrder(extradata)
        case _:
            return AsDecoded()


def _length_bytes(codec: str, extradata: bytes) -> Literal[0] | int:
    """How many bytes of length stand before each unit; 0 where start codes separate them."""
    at = {"h264": 4, "hevc": 21}.get(codec)
    if at is None or len(extradata) <= at or extradata[0] != 1:
        return 0
    return (extradata[at] & 3) + 1


def _units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The first two bytes of each unit; an empty one for a unit that is cut short."""
    at, size = 0, len(data)
    if length_bytes:
        while at < size:
            length = int.from_bytes(data[at : at + length_bytes], "big")
            at += length_bytes
            yield data[at : at + 2] if at + length <= size else b""
            at += length
        return
    while (at := data.find(b"\0\0\1", at)) >= 0:
        at += 3
        yield data[at : at + 2]
