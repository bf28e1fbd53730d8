"""The console of a command: what goes wrong with its stream is for the command to tell."""

from __future__ import annotations

from rich.console import Console


class PlainConsole(Console):
    """rich's console, but for its end of the whole program with code 1 where nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Lets the error through that is being handled.

        Raises:
            BrokenPipeError: always.
        """
        raise
