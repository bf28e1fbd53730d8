"""`videobert run`: everything the model can say about a video."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.cli.inputs import Input, answer_each
from videobert.cli.live_segments import show_segments
from videobert.cli.output import for_a_person
from videobert.cli.parser.options import VideoOptions, command
from videobert.cli.session import video_or_clip
from videobert.cli.stderr import Move, aside, note, note_domain, note_origin
from videobert.report.terminal import print_report
from videobert.tasks.run import with_few_pictures

if TYPE_CHECKING:
    from videobert.results.run import Report
    from videobert.runtime import Runtime


@command
def run(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved tokens (.vbt) or folders of videos; - reads standard input. The model's own clip "
            "if not given.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            help="Also write the report as one self-contained page. A folder, for several videos.",
            show_default=False,
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
    as_they_come = not options.json and for_a_person()

    def ask(model: Runtime, video: Any, about: Input, move: Move | None) -> Report:
        asked: dict[str, Any] = {
            "top": top,
            "context_clips": context_clips,
            "stride": options.stride,
            "track": options.track,
        }
        if not as_they_come:
            return model.run(video, **asked, on_progress=move)
        with aside(move):
            about.print_heading()
        with model.stream(video, **asked, on_progress=move) as stream:
            segments = with_few_pictures(show_segments(stream, model.config, move))
            return dataclasses.replace(stream.report(), segments=segments)

    def tell(report: Report, about: Input) -> None:
        if about.out is not None:
            _write_page(report, about.out)
            note(f"wrote {about.out}", options)
        if options.json:
            about.print_json(report)
            note_origin(report.origin, options)
            note_domain(report.percentile, report.out_of_domain, options)
        elif not as_they_come:
            about.print_heading()
            print_report(report)

    named = videos or [video_or_clip(None, options)]
    answer_each(named, options, ask, tell, out=html, option="--html", suffix=".html")


def _write_page(report: Report, path: Path) -> None:
    from videobert.base.atomic import write_atomically
    from videobert.report.html import html_page

    content = html_page(report).encode("utf-8")
    write_atomically(path, lambda file: file.write_bytes(content))
