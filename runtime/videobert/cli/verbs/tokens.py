"""`videobert tokens`: a video as visual tokens."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from videobert.cli.answer_each import answer_each
from videobert.cli.inputs import Input
from videobert.cli.notes import note_answer, note_unsure
from videobert.cli.output_file import write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import print_rows
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.runtime import Runtime
    from videobert.visual.tokens import VisualTokens


@command
def tokens(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.vbt",
            help="Save the tokens, to be used wherever a video is; about 7 KB per hour. A folder, for several videos.",
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
    """Turn a video into visual tokens: one per clip, with its time and how well it fits.

    That is its distance percentile, or where tokens are the labels of a classifier, its probability.
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> VisualTokens:
        return model.tokens(video, stride=options.stride, track=options.track, assignment=assignment, on_progress=bar)

    answer_each(videos, options, ask, partial(_tell, options), out=out, suffix=".vbt")


def _tell(options: VideoOptions, found: VisualTokens, about: Input) -> None:
    note_answer(found, options)
    out = about.out
    if out is not None:
        content = found.to_bytes()
        write_output(out, content, options, holds=f"{len(found.ids)} tokens, {len(content)} bytes")
    if options.json:
        about.print_json(found)
    elif out is None:
        about.print_heading()
        if found.sure is not None:
            note_unsure(sum(not sure for sure in found.sure), len(found.sure), "tokens", options)
        told, judged = found.judgement
        clips = zip(found.ids, found.start_s, found.end_s, judged, strict=True)
        headings = ["time", "token", told]
        called = found.names or [""] * len(found.ids)
        rows = [
            [span(start_s, end_s), f"<{token}> {name}".rstrip(), f"{value:g}"]
            for (token, start_s, end_s, value), name in zip(clips, called, strict=True)
        ]
        faint: set[int] = set()
        if found.sure is not None:
            headings.append("sure")
            rows = [[*row, "yes" if sure else "no"] for row, sure in zip(rows, found.sure, strict=True)]
            faint = {number for number, sure in enumerate(found.sure) if not sure}
        print_rows(headings, rows, faint=faint)
