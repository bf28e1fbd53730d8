"""The account of an import: what became of every tensor of the source, and where every tensor of ours came from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from videobert.base.errors import ModelError

Status = Literal["used", "renamed", "tied", "ignored", "missing", "unexplained"]
_LISTED = 20
_NAMED = 3
_EXCEPTIONS = ("ignored", "missing", "unexplained")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger.

    Args:
        name: the tensor in the source; for `missing`, our tensor, which the source does not have.
        status: `used` under its own name, `renamed`, `tied` to another tensor, `ignored` or `missing` for a stated
            reason, or `unexplained`, which a strict import refuses.
        shape: of the source's tensor; None for `missing`.
        target: our name, if it became one of ours or part of one.
        reason: why it was tied, ignored or may be missing.
    """

    name: str
    status: Status
    shape: tuple[int, ...] | None = None
    target: str | None = None
    reason: str = ""


@dataclass(slots=True)
class Ledger:
    """Entries in the order they were made.

    Args:
        kind: which importer.
        source: name of the file or folder.
        notes: what the reader should know besides: wrappers taken off, parts left uninitialised.
        uninitialised: parts of the result that hold no trained values.
        fits_float16: whether float16 holds every value that was taken exactly.
    """

    kind: str
    source: str
    entries: list[Entry] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uninitialised: list[str] = field(default_factory=list)
    fits_float16: bool = True

    def count(self, status: Status) -> int:
        """How many entries have a status."""
        return sum(entry.status == status for entry in self.entries)

    def require_explained(self) -> None:
        """Refuse an import with tensors that nobody accounts for.

        Raises:
            ModelError: lists them.
        """
        names = [
            f"{entry.name} {list(entry.shape)}" if entry.shape is not None else f"{entry.name} (missing)"
            for entry in self.entries
            if entry.status == "unexplained"
        ]
        if names:
            listed = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
            raise ModelError(
                f"{self.source} is not a plain {self.kind} checkpoint: {len(names)} tensors are unexplained: {listed}",
                fix="Check the kind, or pass strict=False (--no-strict) to leave them out.",
            )

    @property
    def counts(self) -> str:
        """How many tensors have each status, as one line."""
        return ", ".join(f"{n} {status}" for status, n in Counter(entry.status for entry in self.entries).items())

    def summary(self) -> str:
        """What a reader must know, as lines of text: counts, what is untrained, notes, and the exceptions by reason."""
        exceptions: dict[tuple[str, str], list[str]] = {}
        for entry in self.entries:
            if entry.status in _EXCEPTIONS:
                exceptions.setdefault((entry.status, entry.reason), []).append(entry.name)
        lines = [self.counts, *self._remarks()]
        for (status, reason), names in exceptions.items():
            shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
            lines.append(f"{status}: {shown}" + (f": {reason}" if reason else ""))
        return "\n".join(lines)

    def table(self) -> str:
        """The summary, and behind it the ledger as aligned text, one tensor a line."""
        rows = [
            (entry.status, entry.name, "" if entry.shape is None else "x".join(map(str, entry.shape)) or "scalar",
             " ".join(filter(None, [f"-> {entry.target}" if entry.target else "", entry.reason])))
            for entry in self.entries
        ]  # fmt: skip
        widths = [max((len(row[i]) for row in rows), default=0) for i in range(3)]
        lines = ["  ".join([*(row[i].ljust(widths[i]) for i in range(3)), row[3]]).rstrip() for row in rows]
        return "\n".join([self.summary(), "", *lines])

    def _remarks(self) -> list[str]:
        return [*(f"note: {note}" for note in self.notes), *(f"uninitialised: {part}" for part in self.uninitialised)]

    def to_json(self) -> dict[str, Any]:
        """The ledger as JSON values."""
        return {
            "kind": self.kind,
            "source": self.source,
            "counts": dict(Counter(entry.status for entry in self.entries)),
            "tensors": [
                {
                    "name": entry.name,
                    "status": entry.status,
                    "shape": None if entry.shape is None else list(entry.shape),
                    "target": entry.target,
                    "reason": entry.reason,
                }
                for entry in self.entries
            ],
            "notes": list(self.notes),
            "uninitialised": list(self.uninitialised),
        }
