"""Which codecs a container takes."""

from __future__ import annotations

from typing import Any

# FFmpeg lists tags for these in QuickTime files, and its muxer then says that they are "only supported in MP4".
_ONLY_IN_MP4 = frozenset(("vp8", "vp9", "av1", "opus", "flac", "vorbis", "truehd"))
_DECODERS = {"libdav1d": "av1", "libaom-av1": "av1"}


def codecs_taken_by(output: Any) -> set[str]:
    """Canonical names of the codecs that a container that is being written takes."""
    names = {_DECODERS.get(name, name) for name in output.supported_codecs}
    return names - _ONLY_IN_MP4 if output.format.name == "mov" else names
