"""Every frame of a film by its presentation time, and where packets can be copied from and to; nothing is decoded."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from threading import Event
from typing import Any

import av.error
import numpy as np

from videobert.base.cancelling import stop_if
from videobert.base.errors import DecodeError, LimitExceeded
from videobert.base.limits import check_duration
from videobert.editing.film_source import FilmSource
from videobert.video.codec.coded_pictures import PictureReader
from videobert.video.source.track_choice import ChosenTrack

Progress = Callable[[float, float | None], None]

# More than Limits' four hours at a thousand frames a second.
_MOST_FRAMES = 20_000_000
# As many pictures as any codec's decoder holds back: ITU-T H.264, A.3.1, and H.265, A.4.2.
_MOST_REORDERED = 16
# Of a stream that states no rate and no times.
_NOMINAL_RATE = Fraction(25)
# Their key frames may be followed by pictures that need what came before: the headers tell which do not.
_TOLD_BY_HEADERS = frozenset({"h264", "hevc"})
# Some of their packets show nothing.
_MAY_HIDE = frozenset({"vp8", "vp9", "av1"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrameTable:
    """The frames of one video track, in the order of presentation.

    Args:
        time_base: seconds to a tick.
        ticks: when each frame comes, int64, strictly rising.
        end: when the last one leaves.
        rate: frames a second that the container states.
        by_order: its packets have no presentation times, or not one to a frame: a frame is known by its place alone.
        entries: numbers of frames from which on, in the order of presentation, decoding may begin.
        landings: of these, where copying may begin, less the packets that are shown before.
        led: of these, in HEVC, those that nothing may stand before but the end of a sequence: a decoder that does not
            know it as a beginning goes on counting, and throws away what it has not shown yet.
        landing_packets: how many packets lie before each landing in the order of decoding.
        decoded_before: int64, one more than there are frames: how many packets lie before this frame in the order of
            decoding, where those hold exactly the frames before it, so that copying may end there; else -1.
        reorder: by how many packets at most a frame is decoded early.
        codec: of the track.
    """

    time_base: Fraction
    ticks: array[int]
    end: int
    rate: Fraction
    by_order: bool
    entries: array[int]
    landings: array[int]
    led: frozenset[int]
    landing_packets: array[int]
    decoded_before: array[int]
    reorder: int
    codec: str

    def __len__(self) -> int:
        return len(self.ticks)

    def bound(self, number: int) -> int:
        """When frame `number` comes, in ticks; of the number behind the last, when that one leaves."""
        return self.ticks[number] if number < len(self.ticks) else self.end

    def time(self, number: int) -> Fraction:
        """`bound` in seconds."""
        return self.bound(number) * self.time_base

    def nearest_bound(self, time_s: Fraction) -> int:
        """The number of the frame whose beginning is nearest to a time; of the last one's end, their count."""
        wanted = time_s / self.time_base
        after = bisect_left(self.ticks, wanted)
        if after == 0:
            return 0
        return after if self.bound(after) - wanted < wanted - self.bound(after - 1) else after - 1

    def frames_within(self, first: int, length: Fraction) -> int:
        """Before which frame the frames from `first` on that last `length` ticks at most end."""
        limit = self.ticks[first] + length
        if self.end <= limit:
            return len(self.ticks)
        return max(bisect_right(self.ticks, limit) - 1, first)

    def landing_from(self, number: int) -> int | None:
        """The first landing at or behind a frame."""
        at = bisect_left(self.landings, number)
        return self.landings[at] if at < len(self.landings) else None

    def entry_before(self, number: int) -> int:
        """The last entry at or before a frame; the first frame if there is none."""
        at = bisect_right(self.entries, number)
        return self.entries[at - 1] if at else 0

    def packets_between(self, landing: int, end: int) -> int:
        """How many packets follow each other from a landing's on to before where copying ends."""
        return self.decoded_before[end] - self.landing_packets[bisect_left(self.landings, landing)]


def read_frame_table(
    source: FilmSource, *, on_progress: Progress | None = None, cancel: Event | None = None
) -> FrameTable:
    """Read the packets of a film's video track from end to end.

    `on_progress` is called with seconds of the film that were read, and None for its length, which is not known yet.

    Raises:
        DecodeError: it has no frames, or its clock jumps back; the error says how it is mended.
        LimitExceeded: it is longer than the limits allow.
        Cancelled: `cancel` is set.
        InputError: see `open_path` and `choose_track`.
    """
    with source.opened() as opened:
        chosen = source.track_of(opened, cancel)
        packets, told_s = _Packets(chosen), 0.0
        if on_progress is not None:
            on_progress(told_s, None)
        try:
            for packet in chain(chosen.packets, opened.container.demux(chosen.stream)):
                stop_if(cancel)
                packets.add(packet)
                if on_progress is not None and len(packets.shown) % 256 == 0 and packets.read_s is not None:
                    # Packets come in the order of decoding.
                    told_s = max(told_s, packets.read_s)
                    on_progress(told_s, None)
        except (av.error.FFmpegError, ValueError) as error:
            if not len(packets.shown):
                raise DecodeError(
                    "the film cannot be read", seen=str(error), fix="Check that the file plays, or copy it again."
                ) from error
        table = packets.table(opened.shown)
    check_duration(table.time(len(table)) - table.time(0), source.limits)
    return table


class _Packets:
    """What the packets of a track say, in the order of decoding."""

    def __init__(self, chosen: ChosenTrack) -> None:
        stream = chosen.stream
        context = stream.codec_context
        self._codec = context.codec.canonical_name
        self._told_by_headers = self._codec in _TOLD_BY_HEADERS
        reads = self._told_by_headers or self._codec in _MAY_HIDE
        self._reader = PictureReader(self._codec, context.extradata) if reads else None
        self._rate = stream.average_rate or stream.guessed_rate or _NOMINAL_RATE
        time_base = stream.time_base
        self._time_base = time_base if time_base else 1 / self._rate
        self._pts: array[int] = array("q")
        self._dts: array[int] = array("q")
        self._timed = self._ordered = True
        self._last_duration = 0
        self.shown = bytearray()
        self._lands = bytearray()
        self._resumes = bytearray()
        self._began = False

    @property
    def read_s(self) -> float | None:
        return float((self._pts[-1] - self._pts[0]) * self._time_base) if self._timed and self._pts else None

    def add(self, packet: Any) -> None:
        if not packet.size:
            return
        lands, shown, resumes = bool(packet.is_keyframe), True, False
        if self._reader is not None:
            picture = self._reader.read(bytes(packet), packet.is_keyframe)
            if picture is None:
                lands = lands and not self._told_by_headers
            else:
                lands, shown, resumes = picture.lands, picture.shown, picture.resumes
        # What comes before the first place where decoding can begin is in no player's picture.
        self._began = self._began or lands or packet.is_keyframe
        if not self._began:
            return
        if len(self.shown) >= _MOST_FRAMES:
            raise LimitExceeded(
                "the film has too many frames", allowed=_MOST_FRAMES, fix="Cut the film in parts first."
            )
        if packet.is_discard:  # an edit list of the container hides it
            shown = lands = False
        self._timed = self._timed and packet.pts is not None
        self._ordered = self._ordered and packet.dts is not None
        self._pts.append(packet.pts or 0)
        self._dts.append(packet.dts or 0)
        self.shown.append(shown)
        self._lands.append(lands and shown)
        self._resumes.append(resumes)
        self._last_duration = packet.duration or self._last_duration

    def table(self, name: str) -> FrameTable:
        shown = np.frombuffer(self.shown, np.uint8).astype(bool)
        if not shown.any():
            raise DecodeError("there are no frames in this film", seen=name, fix="Check that the file plays.")
        duration = max(self._last_duration, 1)
        if not self._timed:
            return self._by_order(int(shown.sum()))
        pts = np.frombuffer(self._pts, np.int64)
        lands = np.frombuffer(self._lands, np.uint8).astype(bool)
        if lands.any():
            # Pictures that a first landing leads need what is not there.
            first = int(np.argmax(lands))
            shown = shown & ((np.arange(len(pts)) < first) | (pts >= pts[first]))
        ticks = np.sort(pts[shown])
        if len(ticks) > 1 and not (np.diff(ticks) > 0).all():
            raise _set_back("two frames of this film have one time", name)
        places = np.searchsorted(ticks, pts)
        before, clean, reorder = _bounds(places, shown, len(ticks))
        if reorder > _MOST_REORDERED:
            raise _set_back("frames of this film come behind others that are shown much later", name)
        entries = np.flatnonzero(lands & shown)
        resumes = np.frombuffer(self._resumes, np.uint8).astype(bool)
        starts = entries[clean[entries]] if self._told_by_headers else entries
        usual = round(1 / self._rate / self._time_base)
        return FrameTable(
            time_base=self._time_base,
            ticks=array("q", ticks.tolist()),
            end=int(ticks[-1]) + (duration if self._last_duration else max(usual, 1)),
            rate=self._rate,
            by_order=False,
            entries=array("q", np.sort(places[entries]).tolist()),
            landings=array("q", places[starts].tolist()),
            led=frozenset(places[starts[resumes[starts]]].tolist()),
            landing_packets=array("q", starts.tolist()),
            decoded_before=before,
            reorder=reorder,
            codec=self._codec,
        )

    def _by_order(self, count: int) -> FrameTable:
        """Times as they are given to frames in the order that they come out: the decoding times, or by the rate."""
        ticks, base = array("q", range(count)), 1 / self._rate
        usual = 1
        if self._ordered:
            dts = np.frombuffer(self._dts, np.int64)[np.frombuffer(self.shown, np.uint8).astype(bool)]
            if (np.diff(dts) > 0).all():
                ticks, base = array("q", dts.tolist()), self._time_base
                usual = max(round(1 / self._rate / base), 1)
        return FrameTable(
            time_base=base,
            ticks=ticks,
            end=ticks[-1] + usual,
            rate=self._rate,
            by_order=True,
            entries=array("q"),
            landings=array("q"),
            led=frozenset(),
            landing_packets=array("q"),
            decoded_before=array("q", [-1]) * (count + 1),
            reorder=0,
            codec=self._codec,
        )


def _set_back(what: str, name: str) -> DecodeError:
    return DecodeError(
        f"{what}: its clock was set back, or its parts were joined",
        seen=name,
        fix="Write it anew, as it is but with times that rise: ffmpeg -i FILM -c copy NEW.mp4.",
    )


def _bounds(places: Any, shown: Any, count: int) -> tuple[array[int], Any, int]:
    """Where copying may end, which packets no earlier one is shown after, and the reordering.

    Args:
        places: of each packet's frame in the order of presentation.
    """
    before = np.full(count + 1, -1, np.int64)
    before[0] = 0
    seen = np.cumsum(shown)  # frames in the packets up to this one
    highest = np.maximum.accumulate(np.where(shown, places, -1))
    # So many frames, and none of them later than their number: exactly the first.
    at = np.flatnonzero(shown & (highest + 1 == seen))
    before[seen[at]] = at + 1
    clean = shown & (np.concatenate(([-1], highest[:-1])) < places)
    reorder = int(np.max(np.where(shown, seen - 1 - places, 0), initial=0))
    return array("q", before.tolist()), clean, reorder
