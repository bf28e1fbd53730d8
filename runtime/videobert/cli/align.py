"""`videobert align`: does this text belong to this video?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videobert.cli.options import VideoOptions, command
from videobert.cli.output import print_json, print_row, print_text
from videobert.cli.session import open_model
from videobert.cli.talk import note_domain, note_origin, note_unknown, progress
from videobert.report.times import span


@command
def align(
    video: Annotated[str, typer.Argument(help="A video file or saved tokens (.vbt).", show_default=False)],
    text: Annotated[str, typer.Argument(help="The text to hold against it.", show_default=False)],
    window_clips: Annotated[
        int | None, typer.Option(min=1, help="Clips to one answer; the model decides if not given.")
    ] = None,
    *,
    options: VideoOptions,
) -> None:
    """Say how likely it is that a text belongs to a video, as a whole and over time."""
    with open_model(options) as model, progress(Path(video).name, options) as on_progress:
        alignment = model.align(
            video, text, window_clips=window_clips, stride=options.stride, track=options.track, on_progress=on_progress
        )
    note_origin(alignment.origin, options)
    note_domain(alignment.percentile, alignment.out_of_domain, options)
    note_unknown(alignment.unknown_words, options)
    if options.json:
        print_json(alignment)
        return
    print_text(f"{alignment.score:.3f}")
    if len(alignment.windows) > 1:
        for window in alignment.windows:
            print_row(span(window.start_s, window.end_s), f"{window.score:.3f}")
