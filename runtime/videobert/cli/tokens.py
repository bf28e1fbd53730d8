"""`videobert tokens`: a video as visual tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from videobert.cli.options import VideoOptions, command
from videobert.cli.output import check_writable, print_json, print_rows
from videobert.cli.session import label, open_model, source
from videobert.cli.talk import note, note_domain, note_origin, progress
from videobert.report.times import span


@command
def tokens(
    video: Annotated[
        str, typer.Argument(help="A video file or saved tokens (.vbt); - reads standard input.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.vbt",
            help="Save the tokens, to be used wherever a video is; about 7 KB per hour.",
            show_default=False,
        ),
    ] = None,
    assignment: Annotated[
        Literal["flat", "tree"] | None,
        typer.Option(help="Nearest of all centroids (the default for a video), or down the centroid tree."),
    ] = None,
    *,
    options: VideoOptions,
) -> None:
    """Turn a video into visual tokens: one per clip, with its time and its distance percentile."""
    check_writable(out, "--out")
    given = source(video)
    with open_model(options) as model, progress(label(video), options) as on_progress:
        found = model.tokens(
            given, stride=options.stride, track=options.track, assignment=assignment, on_progress=on_progress
        )
    if found.origin is not None:
        note_origin(found.origin, options)
    note_domain(found.percentile, found.out_of_domain, options)
    if out is not None:
        found.save(out)
        note(f"wrote {out}: {len(found.ids)} tokens, {out.stat().st_size} bytes", options)
    if options.json:
        print_json(found)
    elif out is None:
        clips = zip(found.ids, found.start_s, found.end_s, found.percentiles, strict=True)
        print_rows(
            ("time", "token", "percentile"),
            [(span(start_s, end_s), f"<{token}>", f"{percentile:g}") for token, start_s, end_s, percentile in clips],
        )
