"""A progress bar or a spinner on stderr, where a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from videobert.report.safe_text import printable
from videobert.report.screen import knows_styles
from videobert.report.times import clock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.progress import Progress, TaskID

    from videobert.cli.parser.options import CommonOptions

OnStep = Callable[[str, float, float | None], None]


def spinner(text: str, options: CommonOptions) -> AbstractContextManager[Any]:
    """A spinner while something without measurable progress goes on."""
    if not _watched(options):
        return nullcontext()
    from rich.console import Console
    from rich.markup import escape

    return Console(stderr=True).status(escape(printable(text)))


class VideoProgress:
    """A progress bar over a video.

    Called to move it, with the seconds of video done and in all, or None for a length that is not known.
    """

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done_s: float, total_s: float | None) -> None:
        state = clock(done_s) if total_s is None else f"{clock(done_s)} of {clock(total_s)}"
        self._bar.update(self._task, completed=done_s, total=total_s, state=state)

    def about(self, text: str) -> None:
        """Begin another video."""
        self._bar.reset(self._task, description=printable(text), total=None, completed=0, state="")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The bar out of the way, for lines on stdout, which may be the same terminal."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


def paused(bar: VideoProgress | None) -> AbstractContextManager[None]:
    """The progress bar, if there is one, out of the way for lines on stdout."""
    return nullcontext() if bar is None else bar.paused()


@contextmanager
def video_progress(text: str, options: CommonOptions) -> Iterator[VideoProgress | None]:
    """A progress bar over a video; None where nobody watches."""
    if not _watched(options):
        yield None
        return
    with _bar() as bar:
        yield VideoProgress(bar, _task(bar, text))


@contextmanager
def step_progress(text: str, options: CommonOptions) -> Iterator[OnStep | None]:
    """Like `video_progress` for work in named steps.

    The callback takes the step's name, what is done and how much in all.
    """
    if not _watched(options):
        yield None
        return
    with _bar() as bar:
        task = _task(bar, text)

        def move(step: str, done: float, total: float | None) -> None:
            state = f"{done:g}" if total is None else f"{done / total:.0%}" if total else ""
            bar.update(task, description=f"{text}: {printable(step)}", completed=done, total=total, state=state)

        yield move


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        # Names of files are no markup.
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[state]}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _task(bar: Progress, text: str) -> TaskID:
    return bar.add_task(printable(text), total=None, state="")


def _watched(options: CommonOptions) -> bool:
    return knows_styles(sys.stderr) and not options.quiet
