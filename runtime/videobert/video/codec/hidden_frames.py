"""Packets that show no frame: VP8 and VP9 may store pictures that are only referred to."""

from __future__ import annotations


def shows_a_frame(codec: str, data: bytes) -> bool:
    """Whether decoding a packet shows a frame, from its first and last byte. True for codecs other than VP8 and VP9.

    VP8: bit 4 of the first byte (RFC 6386, section 9.1). VP9: a superframe, told by its last byte, ends with what it
    shows; else the uncompressed header (VP9 bitstream specification, section 6.2).
    """
    if not data:
        return False
    if codec == "vp8":
        return bool(data[0] & 0x10)
    if codec != "vp9" or data[-1] & 0xE0 == 0xC0:
        return True
    # frame_marker (2 bits), profile (2), reserved if profile 3, show_existing_frame, frame_type, show_frame
    after_profile = 5 if data[0] & 0x30 == 0x30 else 4
    show_existing = data[0] >> (7 - after_profile) & 1
    show = data[0] >> (5 - after_profile) & 1
    return bool(show_existing or show)
