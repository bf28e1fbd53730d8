"""Errors as one clear block on stderr, or one JSON object, and the exit codes."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import typer

from videobert.base.errors import BuildError, Cancelled, EngineUnavailable, UsageError, VideoBertError
from videobert.base.printable import printable, shown
from videobert.cli.interrupts import interrupted, raise_interrupts
from videobert.report.screen import width_of, wrapped

USAGE = UsageError.exit_code
ENVIRONMENT = EngineUnavailable.exit_code
INTERNAL = VideoBertError.exit_code
INTERRUPTED = Cancelled.exit_code
# Of `check`: what was compared differs by more than is allowed.
DIFFERENT = 1
# 128 + SIGPIPE, as a program ends that a closed pipe stops.
CLOSED_PIPE = 141

_LONGEST_SHOWN = 300
# What is wrong may be several things, each with its line: `videobert_modeling.learn` tells of ten.
_LONGEST_WHAT = 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is shown of an error; the fields of its JSON object."""

    type: str
    what: str
    seen: object = None
    allowed: object = None
    fix: str | None = None
    exit_code: int

    def fields(self) -> dict[str, Any]:
        """What is shown: values are made safe for a terminal and cut after 300 characters, `what` after 3,000."""
        return {
            name: value
            if value is None or name == "exit_code"
            else shown(value, _LONGEST_WHAT if name == "what" else _LONGEST_SHOWN)
            for name, value in asdict(self).items()
        }

    def show(self, *, as_json: bool) -> None:
        """Write it to stderr."""
        fields = self.fields()
        if as_json:
            _write(json.dumps({"error": fields}))
            return
        kind = "stopped" if self.exit_code == INTERRUPTED else "error"
        width = width_of(sys.stderr)
        lines = [*wrapped(str(fields["what"]), width, first=f"{kind}: ", rest="  ")]
        for name in ("seen", "allowed", "fix"):
            if fields[name] is not None:
                lines += wrapped(str(fields[name]) or "an empty text", width, first=f"  {name + ':':<9}", rest=" " * 11)
        _write("\n".join(lines))


@contextmanager
def guarded(*, debug: bool, as_json: bool) -> Iterator[None]:
    """Shows an error that leaves the block and ends the command with its exit code.

    Raises:
        typer.Exit: with the exit code, in place of every exception but typer's own and the interpreter's.
    """
    try:
        raise_interrupts(True)
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        give_up_output()  # whoever read the data has enough
        raise typer.Exit(CLOSED_PIPE) from None
    except (SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # a panic of the tokenizers library is no `Exception`
        if is_typers(error):
            raise
        if debug and not (isinstance(error, KeyboardInterrupt) or interrupted()):
            traceback.print_exc(file=sys.stderr)
            if isinstance(error, BuildError):
                _write("\n".join(printable(line) for line in error.log.splitlines()))
        failure = failure_of(error)
        failure.show(as_json=as_json)
        try:
            sys.stdout.flush()
        except OSError:
            give_up_output()
        raise typer.Exit(failure.exit_code) from None
    finally:
        raise_interrupts(False)


def give_up_output() -> None:
    """What stdout still holds cannot be written; the interpreter would try again at exit, and end with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_typers(error: BaseException) -> bool:
    """Whether typer itself, or the click that it is built on, raised it: a mistake in what was typed, or an exit."""
    return type(error).__module__.split(".")[0] in ("typer", "click")


def is_usage(error: BaseException) -> bool:
    """Whether it is a mistake in what was typed, found before any verb ran."""
    return isinstance(error, UsageError) or is_typers(error)


def usage_failure(error: Any) -> Failure:
    """A mistake in what was typed."""
    if isinstance(error, UsageError):
        return failure_of(error)
    return Failure(
        type=UsageError.__name__,
        what="what was typed cannot be read",
        seen=error.format_message() if hasattr(error, "format_message") else str(error),
        fix="`videobert --help` shows what can be given.",
        exit_code=USAGE,
    )


def interruption() -> Failure:
    """The user stopped it."""
    return Failure(type=KeyboardInterrupt.__name__, what="interrupted", exit_code=INTERRUPTED)


def failure_of(error: BaseException) -> Failure:
    """What is shown of an error."""
    kind = type(error).__name__
    if isinstance(error, KeyboardInterrupt) or interrupted():
        return interruption()
    if isinstance(error, VideoBertError):
        return Failure(
            type=kind,
            what=error.what,
            seen=error.seen,
            allowed=error.allowed,
            fix=error.fix_cli,
            exit_code=error.exit_code,
        )
    if isinstance(error, ModuleNotFoundError):
        return Failure(
            type=kind,
            what=f"the Python package {error.name!r} is not installed",
            fix="Run `pip install videobert`, then `videobert doctor`.",
            exit_code=ENVIRONMENT,
        )
    if isinstance(error, MemoryError):
        return Failure(
            type=kind,
            what="this machine ran out of memory",
            fix="Close other programs or use --stride.",
            exit_code=ENVIRONMENT,
        )
    if isinstance(error, OSError):
        return Failure(
            type=kind,
            what=f"the operating system refused: {shown(error.strerror or str(error), _LONGEST_SHOWN)}",
            seen=error.filename,
            fix="Check the path, its permissions and the free space of the disk.",
            exit_code=ENVIRONMENT,
        )
    return Failure(
        type=kind,
        what=f"internal error: {kind}: {shown(str(error), _LONGEST_SHOWN)}",
        fix="This is a defect in videobert: run the command again with --debug and report what it prints.",
        exit_code=INTERNAL,
    )


def _write(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
