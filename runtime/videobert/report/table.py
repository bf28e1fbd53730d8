"""Rows under headings, made to fit a terminal: beside each other, wrapped between words, or as lines of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from videobert.report.safe_text import printable
from videobert.report.screen import cells, indent_for, screen, width_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_GAP = 3
_NARROW_GAP = 2

# Pieces of one cell with their styles.
Cell = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Args:
        heading: what stands above it.
        wraps: whether its cells may take several lines, broken between words.
        right: whether its cells end at the same place, as numbers do.
        spare: whether it is left out where that makes the others fit without wrapping.
        yields: whether it is narrowed before the others are, and left out before each row takes several lines.
    """

    heading: str
    wraps: bool = False
    right: bool = False
    spare: bool = False
    yields: bool = False


class Table:
    """The form of a table: which columns there are and how wide; it prints row by row, so rows may still be to come.

    Attributes:
        left_out: headings of the columns that the width had no room for.
        whole: whether every column is there, and nothing had to be wrapped or brought closer together.

    Args:
        columns: what each cell of a row belongs to; the first says what the row is about.
        sample: the rows to come, or rows as wide as those.
        width: columns of the terminal; None where there is nothing to fit.
    """

    def __init__(self, columns: Sequence[Column], sample: Iterable[Sequence[Cell]], width: int | None) -> None:
        self._columns = columns
        texts = [[_plain(cell) for cell in row] for row in sample]
        natural = [
            max([cells(column.heading), *(cells(row[index]) for row in texts)]) for index, column in enumerate(columns)
        ]
        least = [
            max([cells(word) for text in [column.heading, *(row[index] for row in texts)] for word in text.split(" ")])
            if column.wraps
            else natural[index]
            for index, column in enumerate(columns)
        ]
        self._width = width
        self._kept = list(range(len(columns)))
        self._gap = _GAP
        self._widths: list[int] | None = natural
        self.whole = self._fits(natural)
        if not self.whole:
            self._gap = _NARROW_GAP
        if not self._fits(natural):
            self._kept = [index for index, column in enumerate(columns) if not column.spare]
        if not self._fits(natural):
            self._widths = self._narrowed(natural, least)
        while self._widths is None and any(columns[index].yields for index in self._kept):
            self._kept.remove(max(index for index in self._kept if columns[index].yields))
            self._widths = natural if self._fits(natural) else self._narrowed(natural, least)
        if self._widths is None:
            self._kept = list(range(len(columns)))
        self.left_out = tuple(column.heading for index, column in enumerate(columns) if index not in self._kept)

    def room(self, index: int) -> int | None:
        """Columns of the terminal that a cell of a column has on one line; None where there is nothing to fit."""
        if self._width is None:
            return None
        return self._width - self._indent if self._widths is None else self._widths[index]

    def heading(self) -> Iterator[Text]:
        """The line of headings; none where each row names its own."""
        if self._widths is not None:
            yield from self._beside([((column.heading, "dim"),) for column in self._columns], self._widths)

    def row(self, row: Sequence[Cell]) -> Iterator[Text]:
        """The lines of one row."""
        if self._widths is not None:
            yield from self._beside(row, self._widths)
            return
        if _plain(row[0]):
            yield from _wrapped(_styled(row[0]), self._width or 0)
        width = self._width or 0
        for column, cell in zip(self._columns[1:], row[1:], strict=True):
            heading = _styled(((f"  {column.heading}", "dim"),))
            room = indent_for(_plain(cell), self._indent, width)
            # Where the longest word needs more of the line than is left beside the headings.
            below = room < self._indent
            indent = min(room, 2) if below else room
            lead = _styled(((" " * indent, ""),))
            lines = [lead + line for line in _wrapped(_styled(cell), max(1, width - indent))]
            if below:
                yield heading
            else:
                gap = _styled(((" " * (indent - heading.cell_len), ""),))
                lines[0] = heading + gap + lines[0][indent:]
            yield from lines

    @property
    def _indent(self) -> int:
        """Where cells begin that stand below each other behind their headings."""
        return 2 + max(cells(column.heading) for column in self._columns[1:]) + _NARROW_GAP

    def _beside(self, row: Sequence[Cell], widths: Sequence[int]) -> Iterator[Text]:
        wrapped = {index: list(_wrapped(_styled(row[index]), widths[index])) for index in self._kept}
        for number in range(max(map(len, wrapped.values()))):
            line = _styled(())
            for index in self._kept:
                cell = wrapped[index][number] if number < len(wrapped[index]) else _styled(())
                room = " " * (widths[index] - cell.cell_len)
                line += _styled(((room, ""),)) + cell if self._columns[index].right else cell + _styled(((room, ""),))
                if index != self._kept[-1]:
                    line.append(" " * self._gap)
            line.rstrip()
            yield line

    def _fits(self, widths: Sequence[int]) -> bool:
        taken = sum(widths[index] for index in self._kept) + self._gap * (len(self._kept) - 1)
        return self._width is None or taken <= self._width

    def _narrowed(self, natural: Sequence[int], least: Sequence[int]) -> list[int] | None:
        """Widths that fit, the widest columns narrowed first, none below its longest word; None if there are none.

        Columns that yield are narrowed before all others.
        """
        if not self._fits(least):
            return None
        widths = list(natural)
        while not self._fits(widths):
            wide = [i for i in self._kept if widths[i] > least[i]]
            widest = max([i for i in wide if self._columns[i].yields] or wide, key=lambda i: widths[i])
            widths[widest] -= 1
        return widths


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """Headings and rows on stdout; returns the headings of the columns that there was no room for."""
    console = screen()
    # Not the console's own width, which is 80 on a terminal that knows no styles.
    table = Table(columns, rows, width_of(sys.stdout))
    for line in (*table.heading(), *(line for row in rows for line in table.row(row))):
        print_line(console, line)
    return table.left_out


def print_line(console: Console, line: Text) -> None:
    """A line as it is, whatever its length: the terminal breaks what is wider than itself, and copies it whole."""
    console.print(line, soft_wrap=True)


def _plain(cell: Cell) -> str:
    return "".join(printable(text) for text, _ in cell)


def _styled(cell: Cell) -> Text:
    from rich.text import Text

    return Text.assemble(*((printable(text), style) for text, style in cell))


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    """Lines of at most `width` columns, broken at spaces alone."""
    if text.cell_len <= width:
        yield text
        return
    line = None
    for word in text.split(" ", allow_blank=True):
        if line is None:
            line = word
        elif line.cell_len + 1 + word.cell_len <= width:
            line = line + " " + word
        else:
            yield line
            line = word
    if line is not None:
        yield line
