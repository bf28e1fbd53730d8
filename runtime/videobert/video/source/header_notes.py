"""What the header of a container says of its tracks that the demuxer does not hand on."""

from __future__ import annotations

from dataclasses import dataclass, field

from videobert.video.picture.crop import UNCROPPED, Crop


@dataclass(slots=True)
class TrackNote:
    """One track.

    Args:
        id: its number in the file; None if it is not known.
        enabled: whether it is for playing at all.
        auxiliary: whether it belongs to the pictures of another track, as their transparency.
        crop: what the container cuts off of its pictures.
        crop_fault: why a crop that it asks for is not followed.
    """

    id: int | None = None
    enabled: bool = True
    auxiliary: bool = False
    crop: Crop = UNCROPPED
    crop_fault: str | None = None


@dataclass(slots=True)
class HeaderNotes:
    """One file.

    Args:
        tracks: of MP4 and QuickTime all tracks, to be found by `id`; of Matroska the video tracks in their order.
        chapter_ids: tracks that hold the titles and pictures of another track's chapters.
        pictures: whether the file holds still pictures beside its tracks, or nothing else (AVIF, HEIC).
    """

    tracks: list[TrackNote] = field(default_factory=list)
    chapter_ids: set[int] = field(default_factory=set)
    pictures: bool = False
