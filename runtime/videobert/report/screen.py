"""The terminal that a stream is written to: how wide it is, whether it knows styles, and text broken between words."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_USUAL_WIDTH = 80
# What a Console is told where there is nothing to fit.
_NO_WIDTH = 100_000
# A line of less has no room for a word behind its indent.
_LEAST_WIDTH = 20
_PLAIN_TERMINALS = ("", "dumb", "unknown")


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal behind `stream`; `COLUMNS` wins. None where there is no terminal, so nothing to fit."""
    if not stream.isatty():
        return None
    return asked_width() or max(_LEAST_WIDTH, _told_by_terminal(stream))


def asked_width() -> int | None:
    """The width that `COLUMNS` asks for, where it is set to a number."""
    columns = os.environ.get("COLUMNS", "")
    return max(_LEAST_WIDTH, int(columns)) if columns.isdecimal() and 0 < int(columns) < 10_000 else None


def reading_width(stream: TextIO) -> int:
    """Columns for prose, which needs a width on a terminal and in a file."""
    return width_of(stream) or asked_width() or _USUAL_WIDTH


def _told_by_terminal(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except (OSError, ValueError):
        return _USUAL_WIDTH


def knows_styles(stream: TextIO) -> bool:
    """Whether bold and moving the cursor mean something where `stream` goes."""
    return stream.isatty() and os.environ.get("TERM", "") not in _PLAIN_TERMINALS


def cells(text: str) -> int:
    """Columns that `text` takes on a terminal: two for a wide character such as 日, none for a combining one."""
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """`text` with spaces behind it up to `width` columns."""
    return text + " " * (width - cells(text))


def wrapped(text: str, width: int | None, *, first: str = "", rest: str = "") -> Iterator[str]:
    """`text` in lines of at most `width` columns, broken at spaces alone: a longer word stays whole.

    Args:
        width: None for one line, however long.
        first: what the first line begins with.
        rest: what every other line begins with.
    """
    line, empty = first, True
    for word in text.split(" "):
        if not empty and width is not None and cells(line) + 1 + cells(word) > width:
            yield line.rstrip()
            line, empty = rest, True
        line += word if empty else f" {word}"
        empty = False
    yield line.rstrip()


def indent_for(text: str, indent: int, width: int | None) -> int:
    """The indent, or as much less of it as the longest word of `text` needs to have room on a line."""
    if width is None:
        return indent
    return max(0, min(indent, width - max(map(cells, text.split(" ")))))


def screen() -> Console:
    """Where text for a person goes: stdout, with styles where its terminal knows them, and never broken by itself."""
    from videobert.report.console import PlainConsole

    plain = sys.stdout.isatty() and not knows_styles(sys.stdout)
    return PlainConsole(
        file=sys.stdout,
        width=width_of(sys.stdout) or _NO_WIDTH,
        color_system=None if plain else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )
