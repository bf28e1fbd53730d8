"""What `index` returns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from videobert.results.as_json import LEFT_OUT_IF_NONE
from videobert.results.origin import Origin

FileState = Literal["added", "changed", "moved", "copied", "unchanged", "removed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedFile:
    """What became of one file.

    Args:
        source: its absolute path.
        state: `"added"` for a new one; `"changed"` for one that was indexed again; `"moved"` for a content that is
            known of another path and no longer there; `"copied"` for one that is there too; `"unchanged"`; `"removed"`
            for one that is no longer there; `"failed"` for one that could not be indexed, now or, where it is the same
            since, before.
        stretches: that it has in the index.
        error: why it failed.
    """

    source: str
    state: FileState
    stretches: int = 0
    error: str | None = field(default=None, metadata=LEFT_OUT_IF_NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """The result of `index`.

    Args:
        index: its folder.
        files: what became of each, in the order in which that was known.
        videos, stretches: that the whole index has now.
    """

    index: str
    files: tuple[IndexedFile, ...]
    videos: int
    stretches: int
    origin: Origin

    @property
    def counts(self) -> dict[FileState, int]:
        """How many files are in each state, the most frequent first."""
        return dict(Counter(each.state for each in self.files).most_common())

    @property
    def failed(self) -> tuple[IndexedFile, ...]:
        """The files that could not be indexed."""
        return tuple(each for each in self.files if each.state == "failed")
