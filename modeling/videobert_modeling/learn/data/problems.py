"""Everything that is wrong with a file of data, told at once."""

from __future__ import annotations

from videobert.base.errors import InputError
from videobert.base.printable import shown

_MOST_TOLD = 10
_LONGEST = 120


class Problems:
    """Collects what is wrong, with where it was written.

    Args:
        source: name of the file or folder, for the error.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._told: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, where: str, what: str, seen: object = None) -> None:
        """One thing that is wrong; the first few are kept to be told, the rest are counted."""
        self._count += 1
        if len(self._told) < _MOST_TOLD:
            got = "" if seen is None else f", got {shown(seen, _LONGEST)}"
            self._told.append(f"{where}: {what}{got}")

    def raise_any(self, fix: str) -> None:
        """Raises what was collected, if there is anything.

        Raises:
            InputError: lists it.
        """
        if not self._count:
            return
        more = self._count - len(self._told)
        told = "; ".join(self._told) + (f"; and {more} more" if more else "")
        places = "1 place" if self._count == 1 else f"{self._count} places"
        raise InputError(f"{self._source} cannot be used as it is, in {places}: {told}", fix=fix)
