"""What an MP4 or QuickTime file says of its tracks and the demuxer keeps to itself: read on the walk over its boxes."""

from __future__ import annotations

from videobert.video.picture.crop import clean_aperture
from videobert.video.source.byte_window import ByteWindow
from videobert.video.source.header_notes import HeaderNotes, TrackNote

# The boxes that are read here: track header, kind of track, chapters, and the table of still pictures.
NOTED = frozenset(b"tkhd hdlr chap iinf".split())
_MOST_CHAPTER_TRACKS = 1000
# From the beginning of a sample description to its size in pixels, and to the boxes that it holds.
_SIZE_AT, _BOXES_AT = 32, 86
_APERTURE_BYTES = 32


def note_box(kind: bytes, body: int, end: int, window: ByteWindow, notes: HeaderNotes) -> None:
    """Take in a box of one of the kinds in `NOTED`; those of a track come after its `begin_track`."""
    match kind:
        case b"tkhd" if notes.tracks:
            later = window.read(body, 1) > b"\0"  # than version 0
            notes.tracks[-1].id = int.from_bytes(window.read(body + (20 if later else 12), 4))
        case b"hdlr" if notes.tracks:
            # Transparency or depth of another track (ISO/IEC 23008-12, 7.5.3).
            notes.tracks[-1].auxiliary |= window.read(body + 8, 4) == b"auxv"
        case b"chap":
            ids = window.read(body, min(end - body, 4 * _MOST_CHAPTER_TRACKS))
            notes.chapter_ids.update(int.from_bytes(ids[at : at + 4]) for at in range(0, len(ids) - 3, 4))
        case b"iinf":
            notes.pictures = True


def begin_track(notes: HeaderNotes) -> None:
    """What follows belongs to the next track."""
    notes.tracks.append(TrackNote())


def note_descriptions(content: bytes, notes: HeaderNotes) -> None:
    """Take in a `stsd` box: the clean aperture of the track's first description, if it has one."""
    size = int.from_bytes(content[8:12])
    entry = content[8 : 8 + size]
    # QuickTime puts tables between the fields and the boxes, so the box is looked for.
    at = entry.find((8 + _APERTURE_BYTES).to_bytes(4) + b"clap", _BOXES_AT)
    if at < 0 or not notes.tracks:
        return
    width, height = (int.from_bytes(entry[place : place + 2]) for place in (_SIZE_AT, _SIZE_AT + 2))
    try:
        notes.tracks[-1].crop = clean_aperture(width, height, entry[at + 8 : at + 8 + _APERTURE_BYTES])
    except ValueError as error:
        notes.tracks[-1].crop_fault = str(error)
