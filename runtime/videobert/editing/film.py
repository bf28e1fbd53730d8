"""Cuts a film: what is kept is copied, and encoded anew only where a cut leaves no other way."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import av
import av.error

from videobert.base.arguments import callback, check_track, local_path, stop_signal
from videobert.base.atomic import write_atomically
from videobert.base.errors import DecodeError, UsageError
from videobert.base.limits import Limits, limits_or_default
from videobert.editing.film_source import FilmSource
from videobert.editing.frame_table import FrameTable, Progress, read_frame_table
from videobert.editing.mastering import Mastering
from videobert.editing.pictures import Pictures, Way, choose_way, display_matrix
from videobert.editing.pieces import Frames, joined
from videobert.editing.sound import SoundTrack
from videobert.editing.sound_reader import SoundReader
from videobert.editing.spans import SpanLike, seconds_of, snapped
from videobert.editing.track_reader import TrackReader
from videobert.results.edit import EditPlan
from videobert.results.film import Film

if TYPE_CHECKING:
    from videobert.video.open import VideoSource

# The containers that are written, by the ending of the file's name.
CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
_KEPT_TAGS = ("title", "artist", "comment", "date", "creation_time", "copyright", "description")


def write_film(
    video: VideoSource,
    spans: EditPlan | Iterable[SpanLike],
    path: str | os.PathLike[str],
    *,
    track: int | None = None,
    limits: Limits | None = None,
    dry_run: bool = False,
    on_progress: Progress | None = None,
    cancel: Event | None = None,
) -> Film:
    """Write the parts of a film that are kept, one after the other, as a film of its own.

    Every picture is one of the source, none is made up. From a key frame on its bytes are copied as they are, and
    only the frames between a cut and the next key frame are encoded anew, finely, in the source's own codec. Where that
    cannot be (see `Film.why`), all pictures are encoded anew. Sound is cut at the sample and encoded anew;
    lossless sound stays what it was. Subtitles, chapters and data are left out.

    Args:
        video: path, bytes or a file object that can go back.
        spans: a plan, or what has `start_s` and `end_s`, or pairs of seconds, in the order of the new film. Each bound
            moves to the nearest frame's.
        path: where it goes, `.mp4`, `.m4v`, `.mov`, `.mkv` or `.webm`; what lies there is replaced once the
            film is whole.
        track: see `Runtime`.
        limits: what is accepted as input.
        dry_run: say what would be done, and write nothing.
        on_progress: called with seconds of the new film done and in total.
        cancel: set it, and the call ends with `Cancelled`; nothing is left behind.

    Raises:
        UsageError: the path has another ending or is the film's own; spans are none, too many, empty or reversed.
        InputError: a span lies outside the film; the video is read once only, or none.
        DecodeError: the film is damaged where it is kept.
        LimitExceeded: the film is longer than the limits allow.
        Cancelled: `cancel` is set.
    """
    callback("on_progress", on_progress)
    stop_signal(cancel)
    target = local_path("path", path)
    form = container_of(target)
    wanted = seconds_of("spans", spans.spans if isinstance(spans, EditPlan) else spans)
    source = FilmSource(video, check_track(track), limits_or_default(limits))
    if source.is_file(target):
        raise UsageError("a film cannot be written over itself", seen=str(target), fix="Choose another name.")
    if target.is_dir() or not target.absolute().parent.is_dir():
        what = "is a folder" if target.is_dir() else "lies in a folder that is not there"
        raise UsageError(f"the film's path {what}", seen=str(target), fix="Name a file in a folder that is there.")
    table = read_frame_table(source, cancel=cancel)
    kept = joined(snapped(wanted, table))
    if dry_run:
        return _written(source, table, kept, target, form, None, None, cancel)
    found: list[Film] = []

    def write(place: Path) -> None:
        found.append(_written(source, table, kept, target, form, place, on_progress, cancel))

    try:
        write_atomically(target, write)
    except av.error.FFmpegError as error:
        raise DecodeError(
            "the film could not be written",
            seen=f"{error.strerror or error}",
            fix="Check that the source plays where it is kept, or write another kind of file, such as .mkv.",
        ) from error
    return found[0]


def container_of(path: Path) -> str:
    """The container that a file's name asks for; UsageError if there is none such."""
    form = CONTAINERS.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            "this kind of film is not written",
            seen=path.suffix or path.name,
            allowed=", ".join(CONTAINERS),
            fix="Give the file one of these endings.",
        )
    return form


def _written(
    source: FilmSource,
    table: FrameTable,
    kept: list[Frames],
    target: Path,
    form: str,
    place: Path | None,
    on_progress: Progress | None,
    cancel: Event | None,
) -> Film:
    """Write the film to `place`, or find out what would be written where there is none."""
    with ExitStack() as stack:
        reader = stack.enter_context(TrackReader(source, table, cancel))
        with source.opened() as opened:
            streams = opened.container.streams
            sounds, left_out = len(streams.audio), _left_out(streams)
            tags = {k: v for k, v in opened.container.metadata.items() if k in _KEPT_TAGS}
        output = stack.enter_context(av.open(os.devnull if place is None else str(place), "w", format=form))
        output.metadata.update(tags)
        way = choose_way(table, reader.stream, kept, output)
        spans = [(table.time(first), table.time(end)) for first, end in kept]
        mastering = Mastering()
        if way.method != "copy":
            # In some codecs key frames alone tell.
            key_frame = _frame(reader, table.entry_before(kept[0][0]))
            mastering = mastering if key_frame is None else Mastering.of(key_frame)
            left_out += mastering.lost_by(way.coding.encoder)
        pictures = None
        if place is not None:
            first_frame = _frame(reader, kept[0][0])
            matrix = None if first_frame is None else display_matrix(first_frame)
            # The first stream, as players and editors expect it.
            pictures = Pictures(way, table, reader, output, matrix=matrix, mastering=mastering)
        tracks = [
            SoundTrack(
                stack.enter_context(SoundReader(source, number, cancel)),
                spans,
                output,
                whole=kept == [(0, len(table))],
            )
            for number in range(sounds)
        ]
        if pictures is None:
            return _told(way, table, spans, target, tracks, left_out, way.frames)
        total = float(pictures.end * table.time_base)
        for packet in _in_step(pictures.packets(), [track.packets() for track in tracks]):
            if on_progress is not None and packet.stream is pictures.stream and packet.dts is not None:
                on_progress(min(max(float(packet.dts * table.time_base), 0.0), total), total)
            output.mux_one(packet)
        if on_progress is not None:
            on_progress(total, total)
        return _told(way, table, spans, target, tracks, left_out, way.frames - pictures.missing)


def _frame(reader: TrackReader, number: int) -> Any:
    """A frame of the film; None if it cannot be decoded."""
    return next((frame for _, frame in reader.frames(number, number + 1)), None)


def _told(
    way: Way,
    table: FrameTable,
    spans: list[tuple[Fraction, Fraction]],
    target: Path,
    tracks: list[SoundTrack],
    left_out: tuple[str, ...],
    frames: int,
) -> Film:
    return Film(
        path=target,
        method=way.method,
        why=way.why,
        codec=way.codec,
        frames=frames,
        frames_copied=way.frames_copied,
        duration_s=float(sum(end - start for start, end in spans)),
        sound=tuple(track.said for track in tracks),
        left_out=left_out,
    )


def _in_step(pictures: Iterator[Any], sounds: list[Iterator[Any]]) -> Iterator[Any]:
    """Packets of all tracks by their times, as a container wants them."""
    waiting = [(source, packet) for source in (pictures, *sounds) if (packet := next(source, None)) is not None]
    while waiting:
        number = min(range(len(waiting)), key=lambda n: _time(waiting[n][1]))
        source, packet = waiting[number]
        yield packet
        following = next(source, None)
        if following is None:
            del waiting[number]
        else:
            waiting[number] = (source, following)


def _time(packet: Any) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts
    return Fraction(0) if time is None else time * packet.time_base


def _left_out(streams: Any) -> tuple[str, ...]:
    names = []
    if len(streams.video) > 1:
        names.append("other video tracks and pictures")
    if streams.subtitles:
        names.append("subtitles")
    if any(stream.type in ("data", "attachment") for stream in streams):
        names.append("data")
    return tuple(names)
