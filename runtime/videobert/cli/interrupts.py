"""Interrupts of the `videobert` command: one ends it with 130 and without a traceback at any moment."""

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


def end_on_interrupt() -> None:
    """From here on an interrupt is the end of the process, unless its parent had interrupts ignored."""
    import signal

    # A shell's background job is started with interrupts ignored, and stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)
        sys.unraisablehook = _unraisable


def raise_interrupts(wanted: bool) -> None:
    """While a verb works, an interrupt is an exception, so that it can clean up; before and after, it is the end.

    Does nothing in a process that did not begin with `end_on_interrupt`, or in a thread.
    """
    import signal
    import threading

    before, after = (end_at_once, _interrupt) if wanted else (_interrupt, end_at_once)
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is before:
        signal.signal(signal.SIGINT, after)


def interrupted() -> bool:
    """Whether the user has interrupted this process, whatever a library has made of the exception since."""
    return _happened


def _interrupt(signum: int, frame: FrameType | None) -> None:
    global _happened
    _happened = True
    raise KeyboardInterrupt


def end_at_once(signum: int = 0, frame: FrameType | None = None) -> None:
    """Ends the process; a signal handler."""
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
