"""Which packets need not be decoded: no clip needs their frames, and no frame that one needs refers to them.

Packets are read two landings ahead (see `CodedPicture.lands`); their presentation times say which frame will be on
screen when. From a landing on, two kinds of packets are left out:

- all behind the last that is needed, in the order of decoding;
- those before it that are not needed themselves and that no other picture refers to.

Whether what is left still decodes to the same frames is watched over by `Arrivals`. Where the packets do not tell what
is shown when, everything is decoded from there on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from fractions import Fraction
from itertools import pairwise
from typing import Any

from av.packet import Packet

from videobert.video.codec.coded_pictures import CodedPicture, PictureReader
from videobert.video.sampling import KeptSamples

# What is held at once: a film with fewer landings is decoded whole.
_MOST_BYTES = 64 << 20
_MOST_PACKETS = 20_000


@dataclass(frozen=True, slots=True)
class PlannedFrame:
    """A frame that a run shows: its time and duration in ticks of the stream, and whether it is decoded."""

    ticks: int
    duration: int
    decoded: bool


@dataclass(frozen=True, slots=True)
class Run:
    """Packets to be decoded one after the other.

    Args:
        packets: those that are yet to be decoded, in order.
        frames: what the run shows and what it leaves out, in the order of presentation; None where that is not known.
        fresh: the decoder is to be drained and reset before, since the run does not continue what it was given last.
    """

    packets: list[Packet[Any]]
    frames: list[PlannedFrame] | None = None
    fresh: bool = False


@dataclass(slots=True)
class _Coded:
    """A packet; `needed` until it is known that no clip wants its frame."""

    packet: Packet[Any]
    picture: CodedPicture
    ticks: int
    fed: bool
    needed: bool = True

    @property
    def shown(self) -> bool:
        return self.picture.shown and not self.packet.is_discard

    @property
    def required(self) -> bool:
        """Whether it must be decoded for its own sake."""
        return self.fed or (self.needed and self.shown)


@dataclass(slots=True)
class _Section:
    """Packets from a landing to the next, in the order of decoding. Only a stream's first may begin without one."""

    coded: list[_Coded] = field(default_factory=list)

    @property
    def leading(self) -> list[_Coded]:
        """What is decoded after the landing and shown before it."""
        return [each for each in self.coded if each.picture.leading]

    @property
    def own(self) -> list[_Coded]:
        """What is shown from the landing on."""
        return [each for each in self.coded if not each.picture.leading]

    @property
    def complete(self) -> bool:
        """Whether all that it shows can be decoded from its own packets."""
        return self.coded[0].picture.lands and not self.leading


class _Untold(Exception):
    """The packets do not tell what is shown when; these were read and are yet to be decoded."""

    def __init__(self, packets: list[Packet[Any]]) -> None:
        super().__init__()
        self.packets = packets


class _Decoder(Enum):
    """What the decoder was given last: everything so far, less than that, or nothing since it was reset."""

    GOES_ON = auto()
    WAS_CUT = auto()
    IS_RESET = auto()


class SkipPlan:
    """Plans how one stream is decoded.

    Args:
        reader: reads the stream's packets.
        base: the stream's time base in seconds.
        kept: the samples that frames are needed for.
        fed: packets that were decoded before the plan was made, from the beginning of the stream.
    """

    def __init__(self, reader: PictureReader, base: Fraction, kept: KeptSamples, fed: list[Packet[Any]]) -> None:
        self._reader = reader
        self._base = base
        self._kept = kept
        self._fed = fed
        self._decoder = _Decoder.GOES_ON
        self._begun = False

    def runs(self, packets: Iterator[Packet[Any]]) -> Iterator[Run]:
        """The whole stream in runs; `packets` are those that follow the ones fed before."""
        before: _Section | None = None
        try:
            for section in self._sections(packets):
                if before is not None:
                    yield self._run(before, section)
                before = section
        except _Untold as untold:
            read = _unfed(before.coded if before else []) + untold.packets
            yield Run(read, fresh=self._decoder is _Decoder.WAS_CUT)
            yield from (Run([packet]) for packet in packets)
        else:
            if before is not None:
                yield self._run(before, None)

    def _sections(self, packets: Iterator[Packet[Any]]) -> Iterator[_Section]:
        """Raises `_Untold`."""
        section, before, size = _Section(), None, 0
        for packet, fed in _with_fed(self._fed, packets):
            coded = self._coded(packet, fed)
            size += packet.size
            if coded is None or size > _MOST_BYTES or len(section.coded) == _MOST_PACKETS:
                raise _Untold(_unfed(section.coded) + ([] if fed else [packet]))
            if coded.picture.lands and section.coded:
                _check_order(before, section, coded)
                yield section
                section, before, size = _Section(), section, packet.size
            section.coded.append(coded)
        if section.coded:
            _check_order(before, section, None)
            yield section

    def _coded(self, packet: Packet[Any], fed: bool) -> _Coded | None:
        if packet.pts is None or packet.is_corrupt or packet.has_sidedata("new_extradata"):
            return None
        picture = self._reader.read(bytes(packet), packet.is_keyframe)
        return None if picture is None else _Coded(packet, picture, packet.pts, fed)

    def _run(self, section: _Section, following: _Section | None) -> Run:
        self._mark(section, following)
        begun, self._begun = self._begun, True
        if not begun and not section.complete:
            # The decoder may leave out what leads a stream's first landing, and what comes before it.
            return Run(_unfed(section.coded))
        led = any(each.required for each in section.leading)
        members = section.coded if led else section.own
        goes_on = following is not None and any(each.required for each in following.leading)
        required = [number for number, each in enumerate(members) if each.required]
        stop = len(members) if goes_on else required[-1] + 1 if required else 0
        top = max(each.picture.layer for each in section.coded)
        decoded = [
            each
            for each in members[:stop]
            if each.required or each.picture.referred or each.picture.layer < top or not each.picture.shown
        ]
        return Run(
            _unfed(decoded),
            _planned(section, {id(each) for each in decoded}),
            self._advance(bool(decoded), stop == len(members), bool(section.leading) and not led),
        )

    def _mark(self, section: _Section, following: _Section | None) -> None:
        """Says of what is shown from this landing to the next whether a clip wants it."""
        shown = [each for each in _in_order(section.own) if each.shown]
        if following is not None:
            shown += [each for each in _in_order(following.leading) if each.shown]
            shown += [each for each in following.coded[:1] if each.shown]
        for each, after in pairwise(shown):
            each.needed = self._kept.wants(each.ticks * self._base, after.ticks * self._base)
        if following is None and shown and (length := shown[-1].packet.duration or 0) > 0:
            last = shown[-1].ticks
            shown[-1].needed = self._kept.wants_last(last * self._base, (last + length) * self._base)

    def _advance(self, decodes: bool, to_its_end: bool, without_leading: bool) -> bool:
        """Follows the decoder's state through a run; whether it must be reset before."""
        if self._reader.independent:
            return False
        before = self._decoder
        self._decoder = (_Decoder.GOES_ON if to_its_end else _Decoder.WAS_CUT) if decodes else _Decoder.IS_RESET
        return before is _Decoder.WAS_CUT or (before is _Decoder.GOES_ON and (without_leading or not decodes))


def _with_fed(fed: list[Packet[Any]], packets: Iterator[Packet[Any]]) -> Iterator[tuple[Packet[Any], bool]]:
    yield from ((packet, True) for packet in fed)
    yield from ((packet, False) for packet in packets)


def _unfed(coded: list[_Coded]) -> list[Packet[Any]]:
    return [each.packet for each in coded if not each.fed]


def _in_order(coded: list[_Coded]) -> list[_Coded]:
    return sorted(coded, key=lambda each: each.ticks)


def _check_order(before: _Section | None, section: _Section, following: _Coded | None) -> None:
    """Holds the times of a section against the order that landings promise; `following` is read already.

    Raises:
        _Untold: two frames of one time, a section that reaches into another, or another order than the stream's own.
    """
    landing, leading, own = section.coded[0], _in_order(section.leading), _in_order(section.own)
    order = [*(_in_order(before.own)[-1:] if before else []), *leading, *own]
    rises = all(a.ticks < b.ticks for a, b in pairwise(order))
    rises = rises and all(_as_coded(each) for each in (leading, own))
    if not rises or (landing.picture.lands and landing is not own[0]):
        raise _Untold(_unfed([*section.coded, *([following] if following else [])]))


def _as_coded(by_time: list[_Coded]) -> bool:
    """Whether frames leave the decoder in the order of their times."""
    return all(a.picture.place < b.picture.place for a, b in pairwise(by_time))


def _planned(section: _Section, decoded: set[int]) -> list[PlannedFrame]:
    return [
        PlannedFrame(each.ticks, each.packet.duration or 0, id(each) in decoded)
        for each in [*_in_order(section.leading), *_in_order(section.own)]
        if each.shown
    ]
