"""What `write_film` returns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film that was written, or would be.

    Args:
        path: where it lies.
        method: `"copy"`: no frame is encoded anew; `"smart"`: frames around the cuts are encoded anew, the
            rest is copied; `"encode"`: all frames are encoded anew.
        why: why it could not be done by copying more; None if all was copied.
        codec: of its pictures, e.g. `"h264"`.
        frames: how many it has.
        frames_copied: of these, how many are the source's own bytes. In HEVC a key frame that others led is not among
            them where its piece follows another: one byte of it says from then on that a decoder begins there.
        duration_s: its length.
        sound: what became of each track of sound, e.g. `"aac, encoded anew"`.
        left_out: what the source has besides and the film has not, e.g. `"subtitles"`.
    """

    path: Path
    method: Literal["copy", "smart", "encode"]
    why: str | None
    codec: str
    frames: int
    frames_copied: int
    duration_s: float
    sound: tuple[str, ...]
    left_out: tuple[str, ...]
