"""`videobert show`: what a model knows, holds and lacks."""

from __future__ import annotations

from typing import Annotated

import typer

from videobert.base.errors import ModelError
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import spinner
from videobert.cli.stdout import print_json, print_text


@command
def show(
    model: Annotated[str, typer.Argument(help="A model's name, bundled or got, or a model folder.")] = "shapes",
    words: Annotated[
        bool, typer.Option("--words", help="Print every word that the model knows, each on a line.")
    ] = False,
    *,
    options: CommonOptions,
) -> None:
    """Show what a model knows and holds: words, questions, sizes, recipe, graphs, engines, licence and limits.

    Nothing is compiled or run. Of a folder that is damaged or not finished it says what is missing and what to do.
    """
    from videobert.doctor.model_summary import summarize

    with spinner(f"looking into {model}", options):
        summary = summarize(model, all_words=words)
    if options.json:
        print_json(summary)
    elif not words:
        from videobert.report.model_summary import print_summary

        print_summary(summary)
    elif summary.words is not None:
        print_text("\n".join(summary.words.shown))
    else:
        problem = summary.problems[0]
        raise ModelError("the words of this model cannot be read", seen=problem.what, fix=problem.fix)
