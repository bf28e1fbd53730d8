"""`videobert run`: everything the model can say about a video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from videobert.cli.options import VideoOptions, command
from videobert.cli.output import check_writable, print_json
from videobert.cli.session import label, open_model, source, video_or_clip
from videobert.cli.talk import note, note_domain, note_origin, progress


@command
def run(
    video: Annotated[
        str | None,
        typer.Argument(
            help="A video file or saved tokens (.vbt), - for standard input; the model's own clip if not given.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Also write the report as one self-contained page.", show_default=False
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Answers to each question.")] = 3,
    context_clips: Annotated[
        int, typer.Option(min=0, help="Neighbours on either side that a clip is judged with.")
    ] = 0,
    *,
    options: VideoOptions,
) -> None:
    """Report on a video: time-stamped answers, tokens and how sure to be of them."""
    check_writable(html, "--html")
    video = video_or_clip(video, options)
    given = source(video)
    with open_model(options) as model, progress(label(video), options) as on_progress:
        report = model.run(
            given,
            top=top,
            context_clips=context_clips,
            stride=options.stride,
            track=options.track,
            on_progress=on_progress,
        )
    if html is not None:
        from videobert.atomic import write_atomically
        from videobert.report.html import html_page

        content = html_page(report).encode("utf-8")
        write_atomically(html, lambda path: path.write_bytes(content))
        note(f"wrote {html}", options)
    if options.json:
        print_json(report)
        note_origin(report.origin, options)
        note_domain(report.percentile, report.out_of_domain, options)
    else:
        from videobert.report.terminal import print_report

        print_report(report)
