"""`videobert summarize`: the stretches that stand for a whole video, and the shorter video itself."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.base.errors import UsageError
from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import Input
from videobert.cli.notes import note, note_answer
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import for_a_person, print_rows, print_text
from videobert.cli.video_argument import STANDARD_INPUT
from videobert.report.times import clock, span

if TYPE_CHECKING:
    from videobert.results.summarize import Summary
    from videobert.runtime import Runtime

_SUFFIX = ".mp4"


@command
def summarize(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    seconds: Annotated[
        float | None,
        typer.Option(min=0.0, help="Most that the summary may last; a share of the video if not given."),
    ] = None,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the video that it may last.")] = 0.15,
    text: Annotated[
        str | None, typer.Option("--text", help="What it should be about; the whole video if not given.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the shorter video too; of several videos a folder, with one .mp4 of each.",
            show_default=False,
        ),
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say which stretches stand for a whole video, rare ones too, and why.

    Whole shots are kept, and only parts of shots that are longer than the whole summary.

    Example: videobert summarize clip.mp4 --seconds 6 --out short.mp4
    """

    def ask(model: Runtime, video: Any, about: Input, bar: VideoProgress | None) -> Summary:
        if about.out is not None and about.video == STANDARD_INPUT:
            raise UsageError(
                "standard input can be read once, and a shorter video is cut from the whole one again",
                fix="Give the video as a file.",
            )
        return model.summarize(
            video,
            seconds=seconds,
            share=share,
            text=text,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    answer_each(videos, options, ask, partial(_tell, options), out=out, suffix=_SUFFIX)


def _tell(options: VideoOptions, result: Summary, about: Input) -> None:
    note_answer(result, options)
    if result.unsure:
        note("note: unsure: nothing in this video fits the text", options)
    if about.out is not None:
        _write(options, result, about.video, about.out)
    if options.json:
        about.print_json(result)
        return
    about.print_heading()
    if for_a_person():
        print_text(
            f"{clock(result.seconds)} of {clock(result.duration_s)}, at most {clock(result.budget_s)} asked for; "
            f"stands for {result.cover:.0%} of it"
        )
    print_rows(
        ("time", "why", "adds"),
        [(span(each.start_s, each.end_s), each.reason, f"{each.score:.3f}") for each in result],
    )
    for each in result:
        print_evidence(each.evidence, span(each.start_s, each.end_s))


def _write(options: VideoOptions, result: Summary, video: str, out: Path) -> None:
    from videobert.editing.film import write_film

    film = write_film(video, result.spans, out, track=options.track, limits=options.limits)
    note(f"wrote {out}: {clock(film.duration_s)} of film", options)
