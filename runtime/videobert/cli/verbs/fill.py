"""`videobert fill`: what stands where a word or a moment is masked."""

from __future__ import annotations

from typing import Annotated

import typer

from videobert.cli.notes import note_answer
from videobert.cli.open_model import open_model_and_video
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.stdout import print_json, print_rows
from videobert.report.times import span
from videobert.results.fill import Filled


@command
def fill(
    text: Annotated[str, typer.Argument(help="A text; each [MASK] in it is a word to fill in.", show_default=False)],
    video: Annotated[
        str | None,
        typer.Argument(
            help="The video it is about, or saved features (.vbf) or tokens (.vbt) of it; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    visual: Annotated[
        list[int] | None,
        typer.Option(
            "--visual",
            "-v",
            min=0,
            metavar="N",
            help="Mask clip N too, counted from 0; may be repeated.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Answers to each position.")] = 5,
    *,
    options: VideoOptions,
) -> None:
    """Fill in the words written [MASK], and masked moments of the video, with ranked answers.

    Example: videobert fill "a [MASK] circle" clip.mp4
    """
    with open_model_and_video(video, options) as (model, given, bar):
        filled = model.fill(
            text,
            given,
            tuple(visual or ()),
            top=top,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )
    note_answer(filled, options)
    if options.json:
        print_json(filled)
        return
    print_rows(
        ("place", "answer", "score"),
        [
            (_position(position), candidate.text, f"{candidate.score:.3f}")
            for position in filled.filled
            for candidate in position.candidates
        ],
        ranked=not filled.out_of_domain,
    )


def _position(position: Filled) -> str:
    if position.start_s is not None and position.end_s is not None:
        return span(position.start_s, position.end_s)
    return f"[MASK] {position.index + 1}"
