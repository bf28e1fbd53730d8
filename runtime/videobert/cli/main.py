"""The `videobert` command: its verbs, and the entry point."""

from __future__ import annotations

import sys
from importlib import import_module
from itertools import takewhile
from typing import Annotated

import typer

from videobert.cli.closed_streams import replace_closed_streams
from videobert.cli.failure import (
    CLOSED_PIPE,
    USAGE,
    failure_of,
    give_up_output,
    interruption,
    is_usage,
    usage_failure,
)
from videobert.cli.parser.grammar import VerbCommand, VerbGroup

_USE = "Use a model"
_FIND = "Find a model"
_MAKE = "Make a model (needs torch)"
_COMPILE = "Compile a model"
_MEASURE = "Measure"
_CARE = "Care"

# Every verb, in the order of the help, with its group there: the file of `verbs/` and the function in it.
VERBS = {
    "run": _USE,
    "tokens": _USE,
    "features": _USE,
    "embed": _USE,
    "fill": _USE,
    "classify": _USE,
    "align": _USE,
    "caption": _USE,
    "answer": _USE,
    "events": _USE,
    "forecast": _USE,
    "index": _USE,
    "search": _USE,
    "locate": _USE,
    "summarize": _USE,
    "sentiment": _USE,
    "edit": _USE,
    "stream": _USE,
    "get": _FIND,
    "models": _FIND,
    "show": _FIND,
    "build": _COMPILE,
    "import_": _MAKE,
    "cluster": _MAKE,
    "learn": _MAKE,
    "train": _MAKE,
    "bench": _MEASURE,
    "compare": _MEASURE,
    "plan": _MEASURE,
    "check": _CARE,
    "doctor": _CARE,
}

_EPILOG = (
    "Data goes to stdout, talk to stderr. With --json a failure is one JSON object, the last line of stderr: "
    '{"error": {"type", "what", "seen", "allowed", "fix", "exit_code"}}.\n\n'
    "Exit codes: 0 good; 1 `check` or `compare` found a difference, or `compare` or `bench --against` "
    "something slower; 2 usage: options that are wrong for any video, text and model; 3 bad input: a video, text or "
    "model that cannot be used or lacks what was asked of it; 4 environment; 5 internal; 130 stopped; 141 nobody reads "
    "stdout any more."
)

app = typer.Typer(
    name="videobert",
    cls=VerbGroup,
    help="VideoBERT tokens, embeddings and answers from video and text.",
    epilog=_EPILOG,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name, _group in VERBS.items():
    _verb = getattr(import_module(f"videobert.cli.verbs.{_name}"), _name)
    # Python takes `import` for itself.
    app.command(_name.rstrip("_"), cls=VerbCommand, rich_help_panel=_group)(_verb)


def _version(wanted: bool) -> None:
    if wanted:
        from videobert.base.version import __version__

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
    replace_closed_streams()
    for output in (sys.stdout, sys.stderr):
        if hasattr(output, "reconfigure"):  # a terminal that lacks a character shows `?` rather than a traceback
            output.reconfigure(errors="replace")
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(words or ["--help"], prog_name="videobert", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # typer makes the first into the second, with code 1.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        give_up_output()
        code = CLOSED_PIPE
    except OSError as error:  # help or version could not be written
        give_up_output()
        failure = failure_of(error)
        failure.show(as_json="--json" in words)
        code = failure.exit_code
    except (typer.Abort, KeyboardInterrupt):  # while what was typed is read
        failure = interruption()
        failure.show(as_json="--json" in words)
        code = failure.exit_code
    except Exception as error:
        if not is_usage(error):
            raise
        failure = usage_failure(error)
        # What was typed could not be read, so no options are known yet.
        failure.show(as_json="--json" in takewhile(lambda word: word != "--", words))
        code = failure.exit_code
    sys.exit(code if words else USAGE)
