"""Which of a file's video tracks is read: the one that a player would show, or the one asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from threading import Event
from typing import Any

import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from videobert.base.cancelling import stop_if
from videobert.base.errors import DecodeError, InputError
from videobert.video.source.file_kinds import is_a_picture
from videobert.video.source.header_notes import HeaderNotes, TrackNote
from videobert.video.source.opening import OpenedVideo

# Formats of still pictures that hold films too: one picture alone is no film there.
_PICTURE_FORMATS = {"gif": "GIF", "apng": "PNG", "mjpeg": "JPEG"}
# Brands of MP4 whose tracks are the parts of one still picture.
_PICTURE_BRANDS = {"crx ": "Canon raw"}
# A JPEG that is one of several views or sizes of one picture (CIPA DC-007) says so in an APP2 segment.
_MANY_IN_ONE = b"MPF\0"
_HEADERS_OF_A_JPEG = 1 << 17
_PICTURE_OF_A_FILM = Disposition.attached_pic | Disposition.timed_thumbnails
_BESIDE_THE_FILM = (
    Disposition.dependent
    | Disposition.multilayer
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.still_image
)
# Packets that are read ahead to find out which tracks have but one picture, where the header does not say.
_MOST_AHEAD = 256
_MOST_AHEAD_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class ChosenTrack:
    """The track that is read.

    Args:
        stream: it.
        number: its place among the file's video tracks, from 0.
        count: how many those are.
        note: what the header says of it.
        packets: of the stream, read already.
    """

    stream: VideoStream
    number: int
    count: int
    note: TrackNote
    packets: tuple[Packet[Any], ...] = ()


def choose_track(opened: OpenedVideo, track: int | None, cancel: Event | None = None) -> ChosenTrack:
    """The video track with this number, or the one that a player would show.

    Video tracks are counted in the order of the file, from 0. Cover pictures and the still pictures of AVIF and HEIC
    are none; chapter pictures, disabled tracks and thumbnails are.

    A player shows the first track that is no chapter's picture, has more than one picture, is not the transparency
    of another, is enabled, is the default and stands beside no other, in this order of weight.

    Raises:
        DecodeError: there is no video, nothing but a picture, or no decoder for it.
        InputError: there is no track with this number.
        Cancelled: `cancel` is set.
    """
    container = opened.container
    tracks = [stream for stream in container.streams.video if not _is_picture(stream, opened.notes)]
    _refuse_pictures(opened, tracks)
    packets: list[Packet[Any]] = []
    if picture := _PICTURE_FORMATS.get(container.format.name):
        packets = _read_ahead(container, tracks, cancel)
        if len(packets) < 2 or (picture == "JPEG" and _is_one_of_many(packets[0])):
            raise is_a_picture(opened.shown, picture)
    notes = _notes(container, tracks, opened.notes)
    if track is None:
        candidates = [n for n, stream in enumerate(tracks) if stream.id not in opened.notes.chapter_ids]
        if not candidates:
            raise _no_video(container)
        if len(candidates) > 1 and any(not tracks[n].frames for n in candidates):
            packets = _read_ahead(container, [tracks[n] for n in candidates], cancel)
        seen = Counter(packet.stream_index for packet in packets)
        track = min(candidates, key=lambda n: _rank(tracks[n], notes[n], seen[tracks[n].index] if packets else 2))
    elif not 0 <= track < len(tracks):
        raise InputError(
            "this file has no video track with that number",
            seen=track,
            allowed="; ".join(_in_words(number, stream) for number, stream in enumerate(tracks)),
            fix="Choose one of them, or leave track out.",
            fix_cli="Choose one of them, or leave --track out.",
        )
    stream = tracks[track]
    if stream.codec_context is None:
        raise DecodeError(
            "no decoder knows this video's codec",
            seen=f"{container.format.name}, track {track} of {len(tracks)}",
            fix="Convert the video to MP4 (H.264).",
        )
    own = tuple(packet for packet in packets if packet.stream_index == stream.index)
    return ChosenTrack(stream, track, len(tracks), notes[track], own)


def _rank(stream: VideoStream, note: TrackNote, packets_seen: int) -> tuple[bool, ...]:
    """What speaks against a track, the weightiest first."""
    return (
        stream.codec_context is None or not stream.codec_context.width,
        (stream.frames or packets_seen) < 2,
        note.auxiliary,
        not note.enabled,
        not stream.disposition & Disposition.default,
        bool(stream.disposition & _BESIDE_THE_FILM),
    )


def _is_picture(stream: VideoStream, notes: HeaderNotes) -> bool:
    """Whether a stream of the demuxer is a cover, or one of the still pictures of AVIF and HEIC."""
    if stream.disposition & _PICTURE_OF_A_FILM:
        return True
    # The demuxer makes a stream of each item, with a clock of seconds; those of tracks have a language or a handler.
    of_a_track = {"language", "handler_name"} & stream.metadata.keys()
    return notes.pictures and stream.time_base == 1 and stream.frames == 1 and not of_a_track


def _refuse_pictures(opened: OpenedVideo, tracks: list[VideoStream]) -> None:
    brand = opened.container.metadata.get("major_brand", "")
    if brand in _PICTURE_BRANDS:
        raise is_a_picture(opened.shown, _PICTURE_BRANDS[brand])
    if tracks:
        return
    if opened.notes.pictures and not opened.container.streams.audio:
        raise is_a_picture(opened.shown, "AVIF" if brand.startswith("avi") else "HEIC" if brand else "HEIF")
    raise _no_video(opened.container)


def _no_video(container: InputContainer) -> DecodeError:
    kinds: list[str] = sorted({stream.type for stream in container.streams if stream.type != "video"})
    kinds += ["pictures beside"] if container.streams.video else []
    return DecodeError(
        "there is no video in this file",
        seen=", ".join(kinds) + " only" if kinds else "no streams",
        allowed="a file with a video stream",
        fix="Check that this is the right file.",
    )


def _notes(container: InputContainer, tracks: list[VideoStream], notes: HeaderNotes) -> list[TrackNote]:
    """One note for each track; an empty one where the header has none."""
    if container.format.name.startswith("matroska"):
        # The demuxer keeps their order and passes over those that it cannot read.
        return notes.tracks if len(notes.tracks) == len(tracks) else [TrackNote() for _ in tracks]
    by_id = {note.id: note for note in notes.tracks}
    return [by_id.get(stream.id, TrackNote()) for stream in tracks]


def _read_ahead(container: InputContainer, streams: list[VideoStream], cancel: Event | None) -> list[Packet[Any]]:
    """The first packets, until each stream has two or enough were read."""
    packets: list[Packet[Any]] = []
    seen: Counter[int] = Counter()
    size = 0
    try:
        for packet in container.demux(streams):
            stop_if(cancel)
            if not packet.size:
                continue
            packets.append(packet)
            seen[packet.stream_index] += 1
            size += packet.size
            if len(packets) == _MOST_AHEAD or size > _MOST_AHEAD_BYTES or all(seen[s.index] > 1 for s in streams):
                break
    except (av.error.FFmpegError, ValueError):
        pass  # the demuxer goes on behind the damage
    return packets


def _is_one_of_many(packet: Packet[Any]) -> bool:
    return _MANY_IN_ONE in bytes(packet)[:_HEADERS_OF_A_JPEG]


def _in_words(number: int, stream: VideoStream) -> str:
    context = stream.codec_context
    what = "unknown codec" if context is None else f"{context.codec.canonical_name} {context.width}x{context.height}"
    length = f", {float(stream.duration * stream.time_base):.1f} s" if stream.duration and stream.time_base else ""
    frames = f", {stream.frames} frame{'s' * (stream.frames != 1)}" if stream.frames else ""
    return f"{number}: {what}{frames}{length}"
