"""`videobert index`: folders of videos as an index to be searched."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videobert.base.errors import InputError
from videobert.cli.notes import note, note_answer
from videobert.cli.open_model import open_model
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import paused, video_progress
from videobert.cli.stdout import for_a_person, print_json, print_row, print_text

if TYPE_CHECKING:
    from videobert.results.index import Indexed, IndexedFile


@command
def index(
    videos: Annotated[
        list[str],
        typer.Argument(metavar="FOLDER", help="Folders with videos, or video files.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="INDEX", help="The folder of the index; made if missing.", show_default=False
        ),
    ],
    retry: Annotated[
        bool, typer.Option("--retry", help="Try files again that failed before and did not change since.")
    ] = False,
    *,
    options: VideoOptions,
) -> None:
    """Index videos, or bring an index up to date, so that `search` finds stretches of them.

    Each file is told when what became of it is on the disk. Stopped at any point, the next call goes on from there.
    Needs videobert[search].

    Example: videobert index clip.mp4 --out films.index
    """
    with open_model(options) as model, video_progress("index", options) as bar:

        def begin(path: str, number: int, count: int) -> None:
            if bar is not None:
                bar.about(f"{number + 1} of {count}: {Path(path).name}")

        def tell(file: IndexedFile) -> None:
            if options.json or file.state == "unchanged":
                return
            with paused(bar):
                _tell(file)

        indexed = model.index(
            videos,
            out,
            retry=retry,
            on_begin=begin,
            on_file=tell,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )
    note_answer(indexed, options)
    if options.json:
        print_json(indexed)
    else:
        _summary(indexed, options)
    if indexed.failed and len(indexed.failed) == len(indexed.files):
        raise InputError(
            "none of the videos could be indexed", seen=f"{len(indexed.files)} failed", fix="Each error stands above."
        )


def _tell(file: IndexedFile) -> None:
    # At once: whoever reads may rely on it.
    said = _stretches(file.stretches) if file.error is None else file.error
    if for_a_person():
        print_text(f"{file.state}  {file.source}: {said}")
    else:
        print_row(file.state, said, file.source)
    sys.stdout.flush()


def _summary(indexed: Indexed, options: VideoOptions) -> None:
    counts = ", ".join(f"{count} {state}" for state, count in indexed.counts.items()) or "no files"
    videos = f"{indexed.videos:,} video" + "s" * (indexed.videos != 1)
    note(f"{indexed.index}: {_stretches(indexed.stretches)} of {videos} ({counts})", options)


def _stretches(count: int) -> str:
    return f"{count:,} stretch" + "es" * (count != 1)
