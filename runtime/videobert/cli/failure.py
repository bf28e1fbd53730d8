"""Errors as one clear block on stderr, and the exit codes: 2 usage, 3 bad input, 4 environment, 5 internal, 130."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from videobert.errors import BuildError, Cancelled, EngineUnavailable, VideoBertError
from videobert.report.safe_text import printable

ENVIRONMENT = EngineUnavailable.exit_code
INTERNAL = VideoBertError.exit_code
INTERRUPTED = Cancelled.exit_code
# 128 + SIGPIPE, as a program ends that a closed pipe stops.
CLOSED_PIPE = 141

_LONGEST_SHOWN = 300


@contextmanager
def guarded(*, debug: bool) -> Iterator[None]:
    """Shows an error that leaves the block and ends the command with its exit code.

    Raises:
        typer.Exit: with the exit code, in place of every exception but typer's own.
    """
    try:
        yield
        sys.stdout.flush()
    except KeyboardInterrupt:
        _write("stopped")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Whoever read the data has enough; the interpreter must not try to flush the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(CLOSED_PIPE) from None
    except Exception as error:
        if type(error).__module__.split(".")[0] in ("typer", "click"):
            raise
        if debug:
            traceback.print_exc(file=sys.stderr)
            if isinstance(error, BuildError):
                _write("\n".join(printable(line) for line in error.log.splitlines()))
        _write(_block(error))
        raise typer.Exit(_code(error)) from None


def _code(error: Exception) -> int:
    if isinstance(error, VideoBertError):
        return error.exit_code
    return ENVIRONMENT if isinstance(error, (OSError, ModuleNotFoundError, MemoryError)) else INTERNAL


def _block(error: Exception) -> str:
    if isinstance(error, Cancelled):
        return f"stopped: {_shown(error.what)}"
    if isinstance(error, VideoBertError):
        return _lines(error.what, seen=error.seen, allowed=error.allowed, fix=error.fix)
    if isinstance(error, ModuleNotFoundError):
        return _lines(
            f"the Python package {error.name!r} is not installed",
            fix="Run `pip install videobert`, then `videobert doctor`.",
        )
    if isinstance(error, MemoryError):
        return _lines("this machine ran out of memory", fix="Close other programs or use --stride.")
    if isinstance(error, OSError):
        return _lines(
            f"the operating system refused: {error.strerror or error}",
            seen=error.filename,
            fix="Check the path, its permissions and the free space of the disk.",
        )
    return _lines(
        f"internal error: {type(error).__name__}: {error}",
        fix="This is a defect in videobert: run the command again with --debug and report what it prints.",
    )


def _lines(what: str, *, seen: object = None, allowed: object = None, fix: str | None = None) -> str:
    lines = [f"error: {_shown(what)}"]
    lines += [
        f"  {label:<9}{_shown(value)}"
        for label, value in (("seen:", seen), ("allowed:", allowed), ("fix:", fix))
        if value is not None
    ]
    return "\n".join(lines)


def _shown(value: object) -> str:
    text = printable(value if isinstance(value, str) else repr(value))
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _write(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
