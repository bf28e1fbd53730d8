"""Where the `videobert` command begins.

The command itself is imported inside, because importing its libraries takes longest of all that a short command does.
"""

from __future__ import annotations

from videobert.cli.interrupts import end_at_once, end_on_interrupt


def main() -> None:
    """Runs the command line of this process and ends it."""
    try:
        end_on_interrupt()
        from videobert.cli.main import main as command

        command()
    except KeyboardInterrupt:
        end_at_once()
