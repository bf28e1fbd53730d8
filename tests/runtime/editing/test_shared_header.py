"""Which films' headers take a second encoder beside the first."""

from __future__ import annotations

import pytest

from videobert.editing.shared_header import shared_header


@pytest.mark.parametrize(
    ("codec", "extradata", "why"),
    [
        ("h264", b"", "no room"),
        ("h264", b"\x01abc", "cut short"),
        ("hevc", b"", "in its packets"),
        ("hevc", b"\x01abc", "cut short"),
        ("hevc", b"\0\0\1\x40\1\0\0\0\1\x42\1\1\0\0\1\x44\1\1", "no room"),
        ("av1", b"", "cannot share one header in av1"),
        ("mpeg4", b"", "cannot share one header in mpeg4"),
    ],
)
def test_why_a_header_is_not_shared(codec: str, extradata: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        shared_header(codec, extradata)
