"""What the tables of an MP4 or QuickTime file declare, and how much of it a file of some size can keep.

The demuxer makes an index with an entry for each sample that the tables declare, and repeats it for each edit. Tables
of equal samples declare any number of them in a few bytes, so that a file of some kilobytes costs gigabytes when it is
opened. A real sample has at least one byte; only QuickTime sound in ticks of one sample packs more, and the demuxer
cuts that into pieces instead.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

from videobert.base.errors import DecodeError

# Entries of the demuxer's index that any file may ask for through its edits, and a stream before it has shown as many
# bytes. Each costs 36 bytes, twice while edits are applied.
FREE_ENTRIES = 5_000_000
# The demuxer keeps a note for each fragment and track.
_FREE_FRAGMENT_NOTES = 1_000_000
_BYTES_A_FRAGMENT = 64
_MOST_TRACKS = 1000
# Boxes and entries that a walk may take in any file, and for each so many bytes.
_FREE_STEPS = 2_000_000
_BYTES_A_STEP = 32
# Sound in ticks of one sample is cut into pieces of at least so many samples.
_PIECE_SAMPLES = 160
# Handlers that change the kind of a track.
_KINDS = frozenset(b"vide soun subp clcp".split())


@dataclass(slots=True)
class Track:
    """What the tables of one track declare."""

    samples: int = 0
    edits: int = 0
    chunks: int = 0
    most_in_chunk: int = 0
    offsets: int = 0  # samples that have a time of their own
    grouped: int = 0  # samples that belong to groups
    ticks: set[tuple[int, int]] = field(default_factory=set)  # entries of the table of durations, the first duration
    handlers: set[bytes] = field(default_factory=set)
    tables: Counter[bytes] = field(default_factory=Counter)
    odd: bool = False  # has a header that was given up, or tables where none belong
    entries: int = 0  # as counted last
    edited: int = 0

    def count(self) -> tuple[int, int]:
        """Entries of the demuxer's index, or a few more, and the same with its edits."""
        pieces = self.chunks * -(-self.most_in_chunk // _PIECE_SAMPLES)
        once = self.tables[b"stts"] == self.tables[b"stsc"] == self.tables[b"stco"] + self.tables[b"co64"] == 1
        in_pieces = once and not self.odd and self.ticks == {(1, 1)} and self.handlers & _KINDS == {b"soun"}
        others = max(self.offsets, self.grouped, pieces if any(ticks == 1 for _, ticks in self.ticks) else 0)
        entries = pieces if in_pieces else max(self.samples, others)
        return entries, entries * max(1, self.edits)


@dataclass(slots=True)
class Declared:
    """What all tracks declare, and what it costs; the first track stands for what fragments hold."""

    size: int = 0  # bytes of the file, or those seen so far
    steps: int = 0
    fragments: int = 0
    pictures: int = 0  # covers and items, of which the demuxer makes tracks
    encrypted: int = 0  # samples, counted once or twice
    inflated: bool = False
    tracks: list[Track] = field(default_factory=lambda: [Track()])
    entries: int = 0
    edited: int = 0
    starts: list[int] = field(default_factory=list)  # a heap: where boxes begin that are still to come, says an index

    def hold(self, *, unseen_samples: int = 0) -> None:
        """Compare with the bytes of the file, or with those seen so far and the samples that may still come.

        Raises:
            DecodeError: there cannot be so many.
        """
        most_samples = self.size + unseen_samples
        most_edited = max(most_samples, FREE_ENTRIES)
        if self.entries > most_samples or self.edited > most_edited or self.encrypted > 2 * most_edited:
            declared = f"{self.entries} samples, {self.edited} with edits, {self.encrypted} encrypted"
            raise DecodeError(
                "this file declares more samples than it can hold",
                seen=f"{declared}, in {self.size} bytes",
                allowed=f"{most_samples} samples, {most_edited} with edits",
                fix="Check that the file plays, and write it anew.",
            )
        tracks = len(self.tracks) + self.pictures
        notes, most_notes = self.fragments * tracks, _FREE_FRAGMENT_NOTES + self.size // _BYTES_A_FRAGMENT
        if notes > most_notes:
            raise DecodeError(
                "this file declares too many fragments for its tracks",
                seen=f"{self.fragments} fragments of {tracks} tracks and pictures",
                allowed=f"a product of {most_notes}",
                fix="Check that the file plays, and write it anew.",
            )

    def step(self, count: int = 1) -> None:
        """Count the work of the walk itself."""
        self.steps += count
        if self.steps > (most := _FREE_STEPS + self.size // _BYTES_A_STEP):
            raise DecodeError("this file has too many boxes", allowed=most, fix="Write it anew.")

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

    def expect(self, at: int) -> None:
        """An index says that a box begins there."""
        self.step()
        heappush(self.starts, at)

    def arrive(self, at: int, *, is_box: bool) -> None:
        """A box begins here, or what is no box; the demuxer would go to the next that an index names.

        Raises:
            DecodeError: an index names a place before, or one behind what is no box.
        """
        while self.starts and self.starts[0] == at and is_box:
            heappop(self.starts)
        if self.starts and (self.starts[0] < at or not is_box):
            raise DecodeError(
                "an index of this file names places where no fragment begins",
                seen=self.starts[0],
                fix="Check that the file plays, and write it anew.",
            )

    def end(self) -> None:
        """The file ends here; what an index names behind it is missing, which is no harm, or cut in its first bytes."""
        self.arrive(self.size - 7, is_box=True)
