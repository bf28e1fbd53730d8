"""`videobert run`: everything the model can say about a video."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption
from videobert.cli.inputs import Input
from videobert.cli.live_segments import show_segments
from videobert.cli.notes import note_answer, note_nothing_asked
from videobert.cli.output_file import write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress, paused
from videobert.cli.stdout import for_a_person
from videobert.cli.video_argument import clip_of_model
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
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input. "
            "The model's own clip if not given.",
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
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Report on a video: time-stamped answers, tokens and how sure to be of them."""
    as_they_come = not options.json and for_a_person()
    # It is of the model, so it is said once.
    noted = False

    def ask(model: Runtime, video: Any, about: Input, bar: VideoProgress | None) -> Report:
        asked: dict[str, Any] = {
            "top": top,
            "context_clips": context_clips,
            "evidence": evidence,
            "stride": options.stride,
            "track": options.track,
        }
        nonlocal noted
        if not noted:
            noted = True
            with paused(bar):
                note_nothing_asked(model.config, options)
        if not as_they_come:
            return model.run(video, **asked, on_progress=bar)
        with paused(bar):
            about.print_heading()
        with model.stream(video, **asked, on_progress=bar) as stream:
            segments = with_few_pictures(show_segments(stream, model.config, bar, whole=True))
            return dataclasses.replace(stream.report(), segments=segments)

    def tell(report: Report, about: Input) -> None:
        if about.out is not None:
            write_output(about.out, _page(report), options)
        if options.json:
            about.print_json(report)
            note_answer(report, options)
        elif not as_they_come:
            about.print_heading()
            print_report(report)

    named = videos or [clip_of_model(options)]
    answer_each(named, options, ask, tell, out=html, option="--html", suffix=".html")


def _page(report: Report) -> bytes:
    from videobert.report.html import html_page

    return html_page(report).encode("utf-8")
