"""What lets pieces of two encoders stand in one film whose decoders read their parameters from its header."""

from __future__ import annotations

from typing import Protocol

from videobert.editing.h264_sets import H264Sets
from videobert.editing.hevc_sets import HevcNumbers, HevcSets, lacks_sets

_NO_ROOM = "the film's header leaves no room for a second encoder"


class SharedHeader(Protocol):
    """The header of a film, and how an encoder's packets go beside those of the film."""

    @property
    def options(self) -> dict[str, str]:
        """What the encoder is told."""
        ...

    def with_those_of(self, encoder: bytes) -> bytes:
        """The header of the new film, of the film's parameters and those of an encoder's header."""
        ...

    def as_in_film(self, packet: bytes) -> bytes:
        """A packet of the encoder in the form of the film's packets."""
        ...


def shared_header(codec: str, extradata: bytes) -> SharedHeader:
    """The header of a film in H.264 or HEVC.

    Raises:
        ValueError: it cannot be shared; the error says why.
    """
    if codec == "h264":
        sets = H264Sets.read(extradata)
        number = sets.free_number() if sets.sequences else None
        if number is None:
            raise ValueError(_NO_ROOM)
        return _H264Header(sets, number)
    if codec == "hevc":
        found = HevcSets.read(extradata)
        if lacks_sets(extradata):
            raise ValueError("the film keeps its parameters in its packets, not in its header")
        numbers = found.free_numbers()
        if numbers is None:
            raise ValueError(_NO_ROOM)
        return _HevcHeader(found, numbers)
    raise ValueError(f"cuts lie between key frames, and pieces of two encoders cannot share one header in {codec}")


class _H264Header:
    def __init__(self, sets: H264Sets, number: int) -> None:
        self._sets = sets
        self.options = {"x264-params": f"sps-id={number}"}

    def with_those_of(self, encoder: bytes) -> bytes:
        return self._sets.with_those_of(H264Sets.read(encoder))

    def as_in_film(self, packet: bytes) -> bytes:
        return self._sets.as_in_film(packet)


class _HevcHeader:
    def __init__(self, sets: HevcSets, numbers: HevcNumbers) -> None:
        self._sets, self._numbers = sets, numbers
        self.options: dict[str, str] = {}

    def with_those_of(self, encoder: bytes) -> bytes:
        return self._sets.with_those_of(HevcSets.read(encoder), self._numbers)

    def as_in_film(self, packet: bytes) -> bytes:
        return self._sets.as_in_film(packet, self._numbers)
