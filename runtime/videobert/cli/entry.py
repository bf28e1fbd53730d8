"""Where the `videobert` command begins: an interrupt ends it with 130 and without a traceback at any moment.

The command itself is imported inside, because importing its libraries takes longest of all that a short command does.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED = 130
_TEXT = "stopped: interrupted"
# As `Failure.show` writes it; what makes that is not imported yet.
_JSON = (
    '{"error": {"type": "KeyboardInterrupt", "what": "interrupted", "seen": null, "allowed": null, "fix": null, '
    '"exit_code": 130}}'
)
_AGAIN_S = 0.02

_happened = False


def main() -> None:
    """Runs the command line of this process and ends it."""
    try:
        import signal

        # A shell's background job is started with interrupts ignored, and stays so.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, _end)
            sys.unraisablehook = _unraisable
        from videobert.cli.app import main as command

        command()
    except KeyboardInterrupt:
        _end()


def raise_interrupts(wanted: bool) -> None:
    """While a verb works, an interrupt is an exception, so that it can clean up; before and after, it is the end.

    Does nothing in a process that did not begin with `main`, or in a thread.
    """
    import signal
    import threading

    before, after = (_end, _interrupt) if wanted else (_interrupt, _end)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is before:
        signal.signal(signal.SIGINT, after)


def interrupted() -> bool:
    """Whether the user has interrupted this process, whatever a library has made of the exception since."""
    return _happened


def _interrupt(signum: int, frame: FrameType | None) -> None:
    global _happened
    _happened = True
    raise KeyboardInterrupt


def _end(signum: int = 0, frame: FrameType | None = None) -> None:
    # At once: an exception from within an import can get lost, or leave a traceback behind.
    os.write(2, f"{_JSON if '--json' in sys.argv else _TEXT}\n".encode())
    os._exit(INTERRUPTED)


def _unraisable(problem: sys.UnraisableHookArgs) -> None:
    """An interrupt that met code which cannot raise, such as a callback of the garbage collector: it comes again."""
    if problem.exc_type is KeyboardInterrupt:
        import signal
        import threading

        # From here it would be lost again.
        again = threading.Timer(_AGAIN_S, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(problem)
