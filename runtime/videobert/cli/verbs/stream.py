"""`videobert stream`: answers while a video comes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from videobert.cli.evidence_rows import EvidenceOption
from videobert.cli.live_segments import show_segments
from videobert.cli.notes import note_answer, note_nothing_asked
from videobert.cli.open_model import open_model_and_video
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import paused
from videobert.cli.stdout import for_a_person, print_json, print_row
from videobert.report.evidence_lines import evidence_lines
from videobert.report.open_answers import first_guess, unsure_with_guess
from videobert.report.times import span
from videobert.results.as_json import to_json

if TYPE_CHECKING:
    from videobert.results.run import ReportSegment
    from videobert.tasks.stream import ReportStream


@command
def stream(
    video: Annotated[
        str,
        typer.Argument(
            help="A named pipe, or - for standard input; a video file, saved features (.vbf) or tokens (.vbt) too.",
            show_default=False,
        ),
    ],
    top: Annotated[int, typer.Option(min=1, help="Answers to each question.")] = 3,
    context_clips: Annotated[
        int, typer.Option(min=0, help="Neighbours on either side that a clip is judged with, and waits for.")
    ] = 0,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Report on a video while it comes: a line for each stretch with the same answers, as soon as that ends.

    With --json each line is an object, a segment of what `run` gives; the last one is the report without its segments.

    Example: videobert stream clip.mp4 --json
    """
    with (
        open_model_and_video(video, options) as (model, given, bar),
        model.stream(
            given,
            top=top,
            context_clips=context_clips,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        ) as segments,
    ):
        with paused(bar):
            note_nothing_asked(model.config, options)
        if for_a_person() and not options.json:
            for _ in show_segments(segments, model.config, bar):
                pass
            return
        for segment in segments:
            if options.json:
                print_json(segment)
            else:
                print_row(span(segment.start_s, segment.end_s), *_answers(segment), *evidence_lines(segment))
            # Whoever reads a pipe reads now, not when a buffer is full.
            sys.stdout.flush()
    _end(segments, options)


def _answers(segment: ReportSegment) -> list[str]:
    return [
        f"{question}={unsure_with_guess(best[0]) if question in segment.unsure else first_guess(best[0])}"
        for question, best in segment.answers.items()
        if best
    ]


def _end(segments: ReportStream, options: VideoOptions) -> None:
    report = segments.report()
    if options.json:
        rest = to_json(report)
        del rest["segments"]
        print_json(rest)
    note_answer(report, options)
