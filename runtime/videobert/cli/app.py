"""The `videobert` command: its verbs, and the entry point."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from videobert.cli.align import align
from videobert.cli.build import build
from videobert.cli.classify import classify
from videobert.cli.cluster import cluster
from videobert.cli.doctor import doctor
from videobert.cli.embed import embed
from videobert.cli.fill import fill
from videobert.cli.import_ import import_
from videobert.cli.run import run
from videobert.cli.tokens import tokens
from videobert.cli.train import train

_USE = "Use a model"
_MAKE = "Make a model (needs torch)"
_CARE = "Care"

app = typer.Typer(
    name="videobert",
    help="VideoBERT tokens, embeddings and answers from video and text.",
    epilog="Data goes to stdout, talk to stderr. Exit codes: 0 good, 2 usage, 3 bad input, 4 environment, 5 internal.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb, panel in (
    (run, _USE),
    (tokens, _USE),
    (embed, _USE),
    (fill, _USE),
    (classify, _USE),
    (align, _USE),
    (build, _MAKE),
    (import_, _MAKE),
    (cluster, _MAKE),
    (train, _MAKE),
    (doctor, _CARE),
):
    app.command(verb.__name__.rstrip("_"), rich_help_panel=panel)(verb)


def _version(wanted: bool) -> None:
    if wanted:
        from videobert import __version__

        print(f"videobert {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """VideoBERT tokens, embeddings and answers from video and text."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code.

    Args:
        arguments: what follows the program's name; the process's own arguments if not given.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character shows `?` rather than a traceback
            stream.reconfigure(errors="replace")
    app(arguments, prog_name="videobert")
