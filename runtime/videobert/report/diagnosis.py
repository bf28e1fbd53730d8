"""A `Diagnosis` as text for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from videobert.report.safe_text import printable
from videobert.report.screen import cells, padded, screen, width_of, wrapped
from videobert.report.table import print_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from videobert.results.diagnosis import Ability, Diagnosis

# A detail stands beside its name if that leaves it this many columns.
_LEAST_DETAIL = 36
_GAP = "  "


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Writes the diagnosis to stdout, with colour only on a terminal."""
    console = screen()
    _prose(console, f"videobert {diagnosis.videobert}", "bold")
    _prose(console, f"Python {diagnosis.python} on {diagnosis.platform}")
    _prose(console, f"{diagnosis.cpu}, {diagnosis.cores} cores")
    console.print()

    columns = [max(cells(getattr(each, part)) for each in diagnosis.abilities) for part in ("kind", "name")]
    for ability in diagnosis.abilities:
        for line in _ability(ability, columns, width_of(sys.stdout)):
            print_line(console, line)
    console.print()

    for extra in dict.fromkeys(package.extra for package in diagnosis.packages):
        group = [package for package in diagnosis.packages if package.extra == extra]
        listed = ", ".join(f"{package.name} {package.version or '–'}" for package in group)
        name = f"extra {extra}" if extra else "packages"
        _prose(console, f"{name}: {listed}", "dim")
    console.print()
    if diagnosis.ready:
        _prose(console, "ready to run models on video", "green")
    else:
        _prose(console, f"not ready, fix first: {', '.join(diagnosis.blockers)}", "bold yellow")


def _ability(ability: Ability, columns: list[int], width: int | None) -> Iterator[Text]:
    """One line, or several: what it is, whether it works, how, and what would mend it."""
    from rich.text import Text

    lead = Text(padded(ability.kind, columns[0]) + _GAP)
    lead.append(padded(ability.name, columns[1]), "bold").append(_GAP)
    lead.append("ok" if ability.works else "no", "green" if ability.works else "yellow").append(_GAP)
    beside = width is None or width - lead.cell_len >= _LEAST_DETAIL
    indent = " " * (lead.cell_len if beside else 2 * len(_GAP))
    details = list(wrapped(printable(ability.detail), width, first=indent, rest=indent)) if ability.detail else []
    if beside and details:
        yield lead + details.pop(0)[len(indent) :]
    else:
        lead.rstrip()
        yield lead
    yield from map(Text, details)
    if ability.fix:
        for line in wrapped(printable(f"fix: {ability.fix}"), width, first=indent, rest=indent):
            yield Text(line, "cyan")


def _prose(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    for line in wrapped(printable(text), width_of(sys.stdout), rest=_GAP):
        print_line(console, Text(line, style))
