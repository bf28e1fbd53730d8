"""What kind of file it is, by its first bytes; above all pictures and sound, for a message that says so."""

from __future__ import annotations

import re

from videobert.base.errors import DecodeError

# Enough of a file to tell.
HEAD_BYTES = 4096
MATROSKA_MAGIC = b"\x1a\x45\xdf\xa3"

_PICTURES = (
    (rb"\x89PNG\r\n\x1a\n", "PNG"),
    (rb"\xff\xd8\xff", "JPEG"),
    (rb"GIF8[79]a", "GIF"),
    (rb"RIFF....WEBP", "WebP"),
    (rb"II[*+]\0|MM\0[*+]", "TIFF or raw"),
    (rb"BM............[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", "BMP"),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", "JPEG 2000"),
    (rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a", "JPEG XL"),
    (rb"8BPS\0", "Photoshop"),
    (rb"\0\0\x01\0[^\0]\0", "icon"),
    (rb"v/1\x01", "OpenEXR"),
    (rb"qoif", "QOI"),
    (rb"DDS ", "DDS"),
    (rb"#\?RADIANCE|#\?RGBE", "Radiance"),
    (rb"P[1-7]\s", "portable pixmap"),
    (rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)?(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]", "SVG"),
)
_SOUND = (
    (rb"(?:RIFF|RF64|BW64)....WAVE", "WAV"),
    (rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb\xfc\xfd]", "MP3"),
    (rb"fLaC", "FLAC"),
    (rb"\xff[\xf0\xf1\xf8\xf9]", "AAC"),
    (rb"FORM....AIF[FC]", "AIFF"),
    (rb"caff\0\x01", "CAF"),
    (rb"#!AMR", "AMR"),
    (rb"MThd\0\0\0\x06", "MIDI"),
    (rb"\x0b\x77", "AC-3"),
    (rb"wvpk", "WavPack"),
    (rb"MAC ", "Monkey's Audio"),
    (rb"\.snd", "AU"),
    (rb"DSD ", "DSD"),
)
# What `videobert.visual` writes, which this room knows nothing of; tests hold the two together.
_SAVED = (
    (rb"VBTOKEN[\x01-\xff]", "tokens"),
    (rb'.{8}\{.*"videobert-features"', "features"),
)
_WEBP_ANIMATION = 0x02
_ANIMATED_WEBP = "animated WebP"
# Brands of a `ftyp` box that still pictures have first.
_PICTURE_BRANDS = {
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"heim": "HEIC",
    b"heis": "HEIC",
    b"mif1": "HEIF",
    b"mif2": "HEIF",
    b"msf1": "HEIF",
    b"jpeg": "HEIF",
    b"crx ": "Canon raw",
}


def picture_format(head: bytes) -> str | None:
    """The format of a file that begins as pictures do, in words; None for other files."""
    if head[4:8] == b"ftyp":
        return _PICTURE_BRANDS.get(head[8:12])
    if head[8:16] == b"WEBPVP8X" and head[20:21] and head[20] & _WEBP_ANIMATION:
        return _ANIMATED_WEBP
    return _first(_PICTURES, head)


def sound_format(head: bytes) -> str | None:
    """The format of a file that begins as sound does, in words; None for other files."""
    return _first(_SOUND, head)


def saved_kind(head: bytes) -> str | None:
    """What was saved of a video in a file that begins so: tokens or features; None for other files."""
    return _first(_SAVED, head)


def is_a_picture(shown: str, format_: str) -> DecodeError:
    """The one error for pictures that are not read, whatever holds them."""
    if format_ == _ANIMATED_WEBP:
        return DecodeError(
            "this is an animated picture of a kind that is not read",
            seen=f"{shown} ({format_})",
            allowed="animated AVIF, HEIC, GIF and PNG",
            fix="Convert it to one of these, or to MP4.",
        )
    return DecodeError(
        "this is a picture, not a video",
        seen=f"{shown} ({format_})",
        allowed="a video; animated AVIF, HEIC, GIF and PNG are videos",
        fix="For a picture use videobert.FrameArray with one frame.",
        fix_cli="Make a video of it first: `ffmpeg -loop 1 -t 2 -i PICTURE video.mp4`.",
    )


def is_sound(shown: str, format_: str) -> DecodeError:
    """For files that are nothing but sound."""
    return DecodeError(
        "this is sound; there is no video in this file",
        seen=f"{shown} ({format_})",
        allowed="a file with a video stream",
        fix="Check that this is the right file.",
    )


def is_saved(shown: str, kind: str) -> DecodeError:
    """For what was saved of a video, where the video itself is wanted."""
    return DecodeError(
        f"these are saved {kind}: they hold no pictures of their video",
        seen=shown,
        allowed="a video",
        fix=f"Name the video that the {kind} were made of.",
    )


def _first(signatures: tuple[tuple[bytes, str], ...], head: bytes) -> str | None:
    return next((name for pattern, name in signatures if re.match(pattern, head, re.DOTALL)), None)
