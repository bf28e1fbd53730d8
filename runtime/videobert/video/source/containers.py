"""The containers that are accepted, and how a file of unknown origin is opened as one of them and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import av
import av.error
from av.container import InputContainer

from videobert.base.errors import DecodeError, InputError
from videobert.video.source.file_kinds import (
    is_a_picture,
    is_saved,
    is_sound,
    picture_format,
    saved_kind,
    sound_format,
)

# Demuxers of FFmpeg that read one file and nothing else. Playlists and scripts (hls, dash, concat, sdp, …), which
# name further files or addresses, are refused by the library before they read a byte of what they name.
CONTAINERS = {
    "mov": "MP4 or QuickTime",
    "matroska": "Matroska or WebM",
    "avi": "AVI",
    "mpegts": "MPEG transport stream",
    "mpeg": "MPEG program stream",
    "ogg": "Ogg",
    "flv": "Flash Video",
    "asf": "ASF or WMV",
    "mxf": "MXF",
    "ivf": "IVF",
    "obu": "raw AV1",
    "h264": "raw H.264",
    "hevc": "raw HEVC",
    "mpegvideo": "raw MPEG-1 or MPEG-2",
    "m4v": "raw MPEG-4",
    "mjpeg": "raw Motion JPEG",
    "gif": "GIF",
    "apng": "animated PNG",
    "yuv4mpegpipe": "YUV4MPEG",
}

_OPTIONS = {
    "format_whitelist": ",".join(CONTAINERS),
    "protocol_whitelist": "file,pipe",
    # Tracks of a QuickTime file may lie in another file: never follow them. These are the defaults, held fast.
    "enable_drefs": "0",
    "use_absolute_path": "0",
    # Chapters and the index at the end of fragmented files cost more than they declare, and nobody asks for them.
    "ignore_chapters": "1",
    "use_mfra_for": "0",
}

_PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<MPD", b"<SmoothStreamingMedia", b"<asx", b"v=0\r", b"v=0\n")
_BUFFER_BYTES = 1 << 17


def open_container(target: Any, shown: str, max_pixels: int, head: Callable[[], bytes]) -> InputContainer:
    """Open a file, which a playlist cannot be.

    Args:
        target: the name of the file for the library, or what it reads from.
        shown: what to call it in a message.
        max_pixels: of a picture, for decoders that look for parameters.
        head: gives the first bytes, for a message.

    Raises:
        DecodeError: it is no container that is accepted, or damaged.
    """
    try:
        container: InputContainer = av.open(
            target,
            mode="r",
            options={"max_pixels": str(max_pixels)},
            container_options=_OPTIONS,
            metadata_errors="replace",
            buffer_size=_BUFFER_BYTES,
        )
        return container
    except InputError:
        raise
    except (av.error.FFmpegError, ValueError, RuntimeError, MemoryError) as error:
        if format_ := picture_format(head()):
            raise is_a_picture(shown, format_) from error
        if format_ := sound_format(head()):
            raise is_sound(shown, format_) from error
        if kind := saved_kind(head()):
            raise is_saved(shown, kind) from error
        raise DecodeError(
            "this is not a video file that can be read: damaged, cut short, or of another kind",
            seen=f"{shown} ({getattr(error, 'strerror', None) or error})",
            allowed=", ".join(CONTAINERS.values()),
            fix="Check that the file plays, or convert it to MP4 (H.264).",
        ) from error


def refuse_playlist(head: bytes, shown: str) -> None:
    """Say clearly that a file is a playlist; the library's white list is what keeps those out.

    Raises:
        InputError: it begins as one.
    """
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_PLAYLISTS) or (text.startswith(b"<?xml") and any(mark in text for mark in _PLAYLISTS)):
        raise InputError(
            "this is a playlist or script that names other files, not a video",
            seen=shown,
            allowed="a local video file",
            fix="Pass the video file itself.",
        )
