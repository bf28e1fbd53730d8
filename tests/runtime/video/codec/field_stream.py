"""H.264 whose pictures are coded field by field, which no encoder at hand writes: whole frames of plain samples.

Every macroblock is I_PCM, so that a stream of numbered pictures takes a page of code and decodes to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

SIDE = 64


class _Bits:
    def __init__(self) -> None:
        self._text: list[str] = []

    def u(self, value: int, count: int) -> _Bits:
        self._text.append(f"{value:0{count}b}")
        return self

    def ue(self, value: int) -> _Bits:
        self._text.append("0" * ((value + 1).bit_length() - 1) + f"{value + 1:b}")
        return self

    def aligned(self, samples: bytes) -> _Bits:
        """Zeros up to a whole byte, then `samples`."""
        text = "".join(self._text)
        self._text = [text, "0" * (-len(text) % 8), "".join(f"{byte:08b}" for byte in samples)]
        return self

    def unit(self, header: int) -> bytes:
        """A unit of the stream: stop bit, start code, and bytes against start codes where none belong."""
        text = "".join(self._text) + "1"
        text += "0" * (-len(text) % 8)
        escaped, zeros = bytearray(), 0
        for byte in int(text, 2).to_bytes(len(text) // 8, "big"):
            if zeros == 2 and byte <= 3:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\x00\x00\x00\x01" + bytes([header]) + bytes(escaped)


def field_stream(
    pictures: Sequence[np.ndarray],
    *,
    shown: Sequence[int] | None = None,
    as_fields: Sequence[bool] | None = None,
    rate: Fraction = Fraction(25),
) -> list[bytes]:
    """The packets, Annex B, of 64 x 64 pictures in the order of decoding: two for each that is coded as fields.

    Args:
        pictures: uint8 `(64, 64, 3)`, grey, in the order of decoding.
        shown: place of each in the order of presentation; as they are decoded if left out.
        as_fields: which are coded as two fields rather than as a frame; all if left out.
        rate: frames a second, in the stream's parameters.
    """
    packets = []
    frame_num = 0
    for place, picture in enumerate(pictures):
        order = 2 * (place if shown is None else shown[place])
        plane = picture[:, :, 0]
        key = place == 0
        frame_num = 0 if key else (frame_num + 1) % 16
        head = _parameters(rate) if key else b""
        if as_fields is not None and not as_fields[place]:
            packets.append(head + _slice(plane, frame_num, order, key, None))
        else:
            packets.append(head + _slice(plane[::2], frame_num, order, key, False))
            packets.append(_slice(plane[1::2], frame_num, order + 1, False, True))
    return packets


def _parameters(rate: Fraction) -> bytes:
    sequence = _Bits().u(77, 8).u(0, 8).u(30, 8).ue(0)
    sequence.ue(0).ue(0).ue(12)  # 4 bits of frame number, 16 of picture order
    sequence.ue(2).u(0, 1).ue(SIDE // 16 - 1).ue(SIDE // 32 - 1)
    sequence.u(0, 1).u(0, 1).u(1, 1).u(0, 1)  # not only frames, no adaptive macroblocks, direct inference, no cropping
    sequence.u(1, 1).u(0, 4)  # usability: only
    sequence.u(1, 1).u(rate.denominator, 32).u(2 * rate.numerator, 32).u(1, 1)  # timing, and
    sequence.u(0, 3)
    sequence.u(1, 1).u(1, 1).ue(0).ue(0).ue(10).ue(10).ue(1).ue(2)  # that one frame is shown late at most
    pictures = _Bits().ue(0).ue(0).u(0, 2).ue(0).ue(0).ue(0).u(0, 3).ue(0).ue(0).ue(0).u(0b100, 3)
    return sequence.unit(0x67) + pictures.unit(0x68)


def _slice(plane: np.ndarray, frame_num: int, order: int, key: bool, bottom: bool | None) -> bytes:
    bits = _Bits().ue(0).ue(7).ue(0).u(frame_num, 4)
    if bottom is None:
        bits.u(0, 1)
    else:
        bits.u(1, 1).u(bottom, 1)
    if key:
        bits.ue(0)
    bits.u(order % 65536, 16)
    bits.u(0, 2 if key else 1).ue(0).ue(1)  # marking, quantiser, no deblocking
    chroma = bytes([128]) * 128
    for row in range(0, plane.shape[0], 16):
        for column in range(0, SIDE, 16):
            bits.ue(25).aligned(plane[row : row + 16, column : column + 16].tobytes() + chroma)
    return bits.unit(0x65 if key else 0x61)
