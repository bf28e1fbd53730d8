"""A `ModelList` as text for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videobert.report.model_summary import recipe_line
from videobert.report.screen import screen
from videobert.report.table import Column, print_line, print_table

if TYPE_CHECKING:
    from videobert.model.summary import ModelList, ModelSummary
    from videobert.report.table import Cell


def print_models(found: ModelList) -> None:
    """Writes the models that are here, then those that could be got, to stdout."""
    from rich.text import Text

    columns: tuple[Column, ...] = (
        Column(heading="model"),
        Column(heading="can", wraps=True),
        Column(heading="questions", wraps=True),
        Column(heading="words", right=True),
        Column(heading="visual tokens", right=True),
        Column(heading="recipe", wraps=True),
        Column(heading="MB", right=True),
        Column(heading="where", spare=True),
    )
    left_out = print_table(columns, [_row(name, summary) for name, summary in found.here.items()])
    console = screen()
    for heading in left_out:
        print_line(console, Text(f'no room for "{heading}" at this width; --json has it', "dim"))
    for problem in found.problems:
        print_line(console, Text(f"problem: {problem.what}", "yellow"))
        print_line(console, Text(f"fix: {problem.fix}", "cyan"))
    if found.obtainable:
        print_line(console, Text(""))
        columns = (
            Column(heading="to be got by"),
            Column(heading="knows", wraps=True),
            Column(heading="MB", right=True),
        )
        print_table(
            columns,
            [
                (((each.command, "bold"),), ((each.knows, ""),), ((f"{each.size_bytes / 1e6:,.0f}", ""),))
                for each in found.obtainable
            ],
        )


def _row(name: str, summary: ModelSummary) -> tuple[Cell, ...]:
    questions = [f"{question} ({len(asked.labels):,})" for question, asked in summary.questions.items()]
    troubles = f"not whole: videobert show {name}"
    return (
        ((name, "bold"),),
        ((troubles, "yellow") if summary.problems else (", ".join(summary.verbs), ""),),
        ((", ".join(questions) or "none", ""),),
        (("–" if summary.words is None else f"{summary.words.count:,}", ""),),
        (("–" if summary.codebook is None else f"{summary.codebook.leaves:,}", ""),),
        (("–" if summary.recipe is None else recipe_line(summary.recipe), ""),),
        ((f"{summary.size_bytes / 1e6:,.1f}", ""),),
        (("bundled" if summary.bundled else summary.folder, "dim"),),
    )
