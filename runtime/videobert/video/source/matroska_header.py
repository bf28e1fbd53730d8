"""What a Matroska or WebM file says of its video tracks and the demuxer keeps to itself."""

from __future__ import annotations

from collections.abc import Iterator

from videobert.video.picture.crop import UNCROPPED, Crop
from videobert.video.source.byte_window import ByteWindow
from videobert.video.source.file_kinds import MATROSKA_MAGIC
from videobert.video.source.header_notes import HeaderNotes, TrackNote
from videobert.video.source.readable import Seekable

# Identifiers of elements (RFC 9559, section 5.1).
_SEGMENT, _SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = 0x18538067, 0x114D9B74, 0x4DBB, 0x53AB, 0x53AC
_CLUSTER, _TRACKS, _TRACK = 0x1F43B675, 0x1654AE6B, 0xAE
_NUMBER, _TYPE, _ENABLED, _VIDEO, _WIDTH, _HEIGHT = 0xD7, 0x83, 0xB9, 0xE0, 0xB0, 0xBA
_CROP = {"left": 0x54CC, "top": 0x54BB, "right": 0x54DD, "bottom": 0x54AA}
_IS_VIDEO = 1
# Elements that are looked at in one file: headers have some hundreds.
_MOST_ELEMENTS = 10_000


def matroska_notes(file: Seekable, size: int) -> HeaderNotes:
    """Notes on the video tracks of a file of `size` bytes, or of so much of its beginning; empty for another kind."""
    window = ByteWindow(file, size)
    if window.read(0, 4) != MATROSKA_MAGIC:
        return HeaderNotes()
    return HeaderNotes(_ElementWalk(window, size).tracks())


class _ElementWalk:
    def __init__(self, window: ByteWindow, size: int) -> None:
        self._window, self._size, self._left = window, size, _MOST_ELEMENTS

    def tracks(self) -> list[TrackNote]:
        """The video tracks, wherever their table lies."""
        for id_, body, _ in self._elements(0, self._size):
            if id_ == _SEGMENT:
                return self._tracks_of_segment(body)
        return []

    def _tracks_of_segment(self, segment: int) -> list[TrackNote]:
        elsewhere: int | None = None
        for id_, body, end in self._elements(segment, self._size):
            if id_ == _TRACKS:
                return self._video_tracks(body, end)
            if id_ == _SEEK_HEAD and elsewhere is None:
                elsewhere = self._place_of_tracks(body, end)
            if id_ == _CLUSTER:
                break
        if elsewhere is not None:
            for id_, body, end in self._elements(segment + elsewhere, self._size):
                return self._video_tracks(body, end) if id_ == _TRACKS else []
        return []

    def _place_of_tracks(self, body: int, end: int) -> int | None:
        for id_, seek, seek_end in self._elements(body, end):
            if id_ == _SEEK:
                fields = self._numbers(seek, seek_end)
                if fields.get(_SEEK_ID) == _TRACKS:
                    return fields.get(_SEEK_POSITION)
        return None

    def _video_tracks(self, body: int, end: int) -> list[TrackNote]:
        notes = []
        for id_, track, track_end in self._elements(body, end):
            if id_ == _TRACK:
                fields = self._numbers(track, track_end)
                if fields.get(_TYPE) == _IS_VIDEO:
                    notes.append(self._note(fields, track, track_end))
        return notes

    def _note(self, fields: dict[int, int], track: int, track_end: int) -> TrackNote:
        note = TrackNote(fields.get(_NUMBER), enabled=fields.get(_ENABLED, 1) != 0)
        for id_, body, end in self._elements(track, track_end):
            if id_ == _VIDEO:
                video = self._numbers(body, end)
                crop = Crop(**{side: video.get(name, 0) for side, name in _CROP.items()})
                width, height = video.get(_WIDTH, 0), video.get(_HEIGHT, 0)
                if crop and not crop.fits(width, height):
                    note.crop_fault = f"{crop.in_words} of {width}x{height}"
                    crop = UNCROPPED
                note.crop = crop
        return note

    def _numbers(self, body: int, end: int) -> dict[int, int]:
        """Elements of at most eight bytes, read as numbers."""
        return {
            id_: int.from_bytes(self._window.read(at, stop - at))
            for id_, at, stop in self._elements(body, end)
            if stop - at <= 8
        }

    def _elements(self, at: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Identifier, beginning and end of each; one of unknown size reaches to the end of what holds it."""
        while at < end and self._left > 0:
            self._left -= 1
            head = self._window.read(at, 12)
            id_length = _length(head, 4)
            size_length = _length(head[id_length:], 8)
            if not id_length or not size_length or len(head) < id_length + size_length:
                return
            size = int.from_bytes(head[id_length : id_length + size_length]) & ((1 << 7 * size_length) - 1)
            body = at + id_length + size_length
            unknown = size == (1 << 7 * size_length) - 1
            at = end if unknown else min(body + size, end)
            yield int.from_bytes(head[:id_length]), body, at


def _length(head: bytes, most: int) -> int:
    """How many bytes a number takes that says so in its first; 0 if it cannot be one."""
    length = 9 - head[0].bit_length() if head else 0
    return length if length <= most else 0
