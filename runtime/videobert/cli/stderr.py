"""Talk on stderr: notes, and a progress bar where a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from videobert.report.safe_text import printable
from videobert.report.screen import knows_styles, width_of, wrapped
from videobert.report.times import clock

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rich.progress import Progress, TaskID

    from videobert.cli.parser.options import TalkOptions
    from videobert.results.origin import Origin

OnStep = Callable[[str, float, float | None], None]
_LONGEST_LIST = 300


def note(text: str, options: TalkOptions) -> None:
    """One line for the person at the terminal, unless they asked for quiet."""
    if not options.quiet:
        lines = wrapped(printable(text), width_of(sys.stderr), rest="  ")
        print("\n".join(lines), file=sys.stderr, flush=True)


def note_origin(origin: Origin, options: TalkOptions) -> None:
    """Says what ran the model, if it was not the first choice, and what of the video was read, if it was not all."""
    if origin.fallback:
        note(f"note: {origin.engine} on {origin.device}, {origin.precision}: {origin.fallback}", options)
    if origin.decoder_fallback:
        note(f"note: decoded with pyav: {origin.decoder_fallback}", options)
    if origin.tracks is not None:
        note(f"note: video track {origin.track} of 0–{origin.tracks - 1} was read; --track chooses another", options)
    for count, words in (
        (origin.frames_left_out, "frames whose time does not fit, left out"),
        (origin.stills_cut, "pictures that stood still too long, cut"),
    ):
        if count:
            note(f"note: {words}: {count}", options)


def note_domain(percentile: float | None, out_of_domain: bool | None, options: TalkOptions) -> None:
    """Says that a video is unlike what the model was trained on."""
    if out_of_domain:
        note(f"note: out of domain (median percentile {percentile:.0f}): the answers mean little", options)


def note_unknown(words: tuple[str, ...], options: TalkOptions) -> None:
    """Says which words of the caller's text the model does not know."""
    if words:
        text = ", ".join(words)
        shown = text if len(text) <= _LONGEST_LIST else text[:_LONGEST_LIST] + "…"
        note(f"note: the model does not know: {shown}", options)


def waiting(text: str, options: TalkOptions) -> AbstractContextManager[Any]:
    """A spinner while something without measurable progress goes on."""
    if not _watched(options):
        return nullcontext()
    from rich.console import Console
    from rich.markup import escape

    return Console(stderr=True).status(escape(printable(text)))


class Move:
    """Moves a progress bar: takes the seconds of video done and in all, or None for a length that is not known."""

    def __init__(self, bar: Progress, task: TaskID) -> None:
        self._bar, self._task = bar, task

    def __call__(self, done_s: float, total_s: float | None) -> None:
        state = clock(done_s) if total_s is None else f"{clock(done_s)} of {clock(total_s)}"
        self._bar.update(self._task, completed=done_s, total=total_s, state=state)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """The bar out of the way, for lines on stdout, which may be the same terminal."""
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()


def aside(move: Move | None) -> AbstractContextManager[None]:
    """The progress bar, if there is one, out of the way for lines on stdout."""
    return nullcontext() if move is None else move.aside()


@contextmanager
def progress(text: str, options: TalkOptions) -> Iterator[Move | None]:
    """A progress bar over a video, and what moves it; None where nobody watches."""
    if not _watched(options):
        yield None
        return
    with _bar() as bar:
        yield Move(bar, _task(bar, text))


@contextmanager
def steps(text: str, options: TalkOptions) -> Iterator[OnStep | None]:
    """Like `progress` for work in named steps: the callback takes the step's name, what is done and how much in all."""
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


def _watched(options: TalkOptions) -> bool:
    return knows_styles(sys.stderr) and not options.quiet
