"""What the tables of an MP4 or QuickTime file declare, and how much of it a file of some size can keep.

The demuxer makes an index with an entry for each sample that the tables declare, and repeats it for each edit. Tables
of equal samples declare any number of them in a few bytes, so that a file of some kilobytes costs gigabytes when it is
opened. A real sample has at least one byte; only QuickTime sound in ticks of one sample packs more, and the demuxer
cuts that into pieces instead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from videobert.errors import DecodeError

# Entries of the demuxer's index that any file may ask for through its edits, and a stream before it has shown as many
# bytes. Each costs 36 bytes, twice while edits are applied.
FREE_ENTRIES = 5_000_000
# The demuxer keeps a note for each fragment and track.
_FREE_FRAGMENT_NOTES = 1_000_000
_BYTES_A_FRAGMENT = 64
_MOST_TRACKS = 1000
_MOST_STEPS = 10_000_000
# Handlers of a track's data, beside that of its kind.
_DATA_HANDLERS = frozenset((b"alis", b"url ", b"rsrc", bytes(4)))


@dataclass(slots=True)
class Track:
    """What the tables of one track declare."""

    samples: int = 0
    edits: int = 0
    chunks: int = 0
    pieces: int = 0  # of all runs of chunks but the last
    last_run: tuple[int, int] = (1, 0)  # its first chunk, and pieces in each of its chunks
    ticks: set[tuple[int, int]] = field(default_factory=set)  # entries of the table of durations, the first duration
    handlers: set[bytes] = field(default_factory=set)
    tables: Counter[bytes] = field(default_factory=Counter)
    odd: bool = False  # has a header that was given up, or tables where none belong
    entries: int = 0  # as counted last
    edited: int = 0

    def count(self) -> tuple[int, int]:
        """Entries of the demuxer's index, or a few more, and the same with its edits."""
        first, last_pieces = self.last_run
        pieces = self.pieces + max(0, self.chunks + 1 - first) * last_pieces
        once = self.tables[b"stts"] == self.tables[b"stsc"] == self.tables[b"stco"] + self.tables[b"co64"] == 1
        in_pieces = once and not self.odd and self.ticks == {(1, 1)} and self.handlers - _DATA_HANDLERS == {b"soun"}
        entries = pieces if in_pieces else max(self.samples, pieces)
        return entries, entries * max(1, self.edits)


@dataclass(slots=True)
class Promises:
    """What all tracks declare, and what it costs; the first track stands for what fragments hold."""

    steps: int = 0
    fragments: int = 0
    tracks: list[Track] = field(default_factory=lambda: [Track()])
    entries: int = 0
    edited: int = 0

    def hold_against(self, size: int, *, unseen_samples: int = 0) -> None:
        """Compare with the bytes of the file, or with those seen so far and the samples that may still come.

        Raises:
            DecodeError: there cannot be so many.
        """
        most_samples = size + unseen_samples
        most_edited = max(most_samples, FREE_ENTRIES)
        if self.entries > most_samples or self.edited > most_edited:
            raise DecodeError(
                "this file declares more samples than it can hold",
                seen=f"{self.entries} samples, {self.edited} with its edits, in {size} bytes",
                allowed=f"{most_samples} samples, {most_edited} with edits",
                fix="Check that the file plays, and write it anew.",
            )
        notes, most_notes = self.fragments * len(self.tracks), _FREE_FRAGMENT_NOTES + size // _BYTES_A_FRAGMENT
        if notes > most_notes:
            raise DecodeError(
                "this file declares too many fragments for its tracks",
                seen=f"{self.fragments} fragments of {len(self.tracks)} tracks",
                allowed=f"a product of {most_notes}",
                fix="Check that the file plays, and write it anew.",
            )

    def step(self, count: int = 1) -> None:
        """Count the work of the walk itself."""
        self.steps += count
        if self.steps > _MOST_STEPS:
            raise DecodeError("this file has too many boxes", allowed=_MOST_STEPS, fix="Write it anew.")

    def add_track(self) -> None:
        """Begin the next track; tables belong to it from now on."""
        if len(self.tracks) > _MOST_TRACKS:
            raise DecodeError("this file has too many tracks", allowed=_MOST_TRACKS, fix="Write it anew.")
        self.tracks.append(Track())

    def recount(self, track: Track) -> None:
        """Bring the sums up to date with a track that changed."""
        entries, edited = track.count()
        self.entries += entries - track.entries
        self.edited += edited - track.edited
        track.entries, track.edited = entries, edited
