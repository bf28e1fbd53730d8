"""A `Diagnosis` as text for a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from videobert.report.safe_text import printable

if TYPE_CHECKING:
    from videobert.doctor import Diagnosis

_PIPE_WIDTH = 160


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Writes the diagnosis to stdout, with colour only on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    console.print(Text(f"videobert {diagnosis.videobert}", "bold"))
    console.print(Text(f"Python {diagnosis.python} on {diagnosis.platform}"))
    console.print(Text(printable(f"{diagnosis.cpu}, {diagnosis.cores} cores")))
    console.print()

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(4):
        table.add_column(overflow="fold")
    for ability in diagnosis.abilities:
        mark = Text("ok", "green") if ability.works else Text("no", "yellow")
        table.add_row(ability.kind, Text(ability.name, "bold"), mark, Text(printable(ability.detail)))
        if ability.fix:
            table.add_row("", "", "", Text(f"fix: {ability.fix}", "cyan"))
    console.print(table)
    console.print()

    for extra in dict.fromkeys(package.extra for package in diagnosis.packages):
        group = [package for package in diagnosis.packages if package.extra == extra]
        listed = ", ".join(f"{package.name} {package.version or '–'}" for package in group)
        name = f"extra {extra}" if extra else "packages"
        console.print(Text(f"{name}: {listed}", "dim"))
    console.print()
    if diagnosis.ready:
        console.print(Text("ready to run models on video", "green"))
    else:
        console.print(Text(f"not ready, fix first: {', '.join(diagnosis.blockers)}", "bold yellow"))
