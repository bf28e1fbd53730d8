"""What `videobert get` can get, as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videobert.report.screen import screen
from videobert.report.table import Column, print_line, print_table

if TYPE_CHECKING:
    from videobert.get.catalogue import Obtainable

_STATES = {"absent": "no", "here": "yes", "older": "made by another release; get it again"}


def print_obtainable(models: Sequence[Obtainable], states: Mapping[str, str], folder: Path | None) -> None:
    """Writes the models, then what they are made of, to stdout.

    Args:
        states: of each model: `"absent"`, `"here"` or `"older"`.
        folder: where they lie.
    """
    from rich.text import Text

    columns: tuple[Column, ...] = (
        Column(heading="videobert get"),
        Column(heading="knows", wraps=True),
        Column(heading="recipe", wraps=True),
        Column(heading="fetches MB", right=True),
        Column(heading="keeps MB", right=True),
        Column(heading="here", wraps=True),
    )
    rows = [
        (
            ((model.typed, "bold"),),
            ((model.knows, ""),),
            ((model.recipe, ""),),
            ((_megabytes(model.download_bytes), ""),),
            ((_megabytes(model.size_bytes), ""),),
            ((_STATES[states[model.name]], "green" if states[model.name] == "here" else ""),),
        )
        for model in models
    ]
    print_table(columns, rows)
    console = screen()
    print_line(console, Text(""))
    columns = (
        Column(heading="made of"),
        Column(heading="what it is", wraps=True),
        Column(heading="licence", wraps=True),
        Column(heading="MB", right=True),
        Column(heading="file", spare=True),
    )
    sources = {source.package: source for model in models for source in model.sources}
    print_table(
        columns,
        [
            (
                ((f"{source.package} {source.version}", ""),),
                ((source.weights, ""),),
                ((source.licence, ""),),
                ((_megabytes(source.size_bytes), ""),),
                ((source.file_name, "dim"),),
            )
            for source in sources.values()
        ],
    )
    if folder is not None:
        print_line(console, Text(""))
        print_line(console, Text(f"models go to {folder}", "dim"))


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f}"
