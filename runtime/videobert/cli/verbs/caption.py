"""`videobert caption`: sentences about a video, with their times."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from videobert.base.errors import UsageError
from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import Input
from videobert.cli.notes import note, note_answer
from videobert.cli.output_file import write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.parser.spans import typed_span
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import for_a_person, print_rows, print_text
from videobert.report.subtitles import srt, vtt
from videobert.report.times import span as time_of

if TYPE_CHECKING:
    from videobert.results.caption import Captions
    from videobert.runtime import Runtime

Format = Literal["srt", "vtt"]
_CONTENT = {"srt": srt, "vtt": vtt}
_METHODS = {
    "labels": "sentences made of the model's answers to its questions; no network wrote them",
    "decoder": "sentences that a network wrote",
}


@command
def caption(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    span: Annotated[
        str | None,
        typer.Option(metavar="START-END", help="One sentence about these seconds, e.g. 1.5-4.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.srt|FILE.vtt",
            help="Write subtitles; a folder, for several videos.",
            show_default=False,
        ),
    ] = None,
    format_: Annotated[
        Format | None,
        typer.Option("--format", help="Subtitles on stdout, or in the files of --out.", show_default=False),
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say in sentences what happens in a video, and when.

    A model with a decoder writes them. Of others they are made of its answers, and say no more than those; where the
    model is unsure, so are they. The method is told.

    Example: videobert caption clip.mp4 --out clip.srt
    """
    form = _format(out, format_)
    within = None if span is None else typed_span(span)
    if evidence and form is not None and not options.json:
        raise UsageError("subtitles have no place for evidence", seen="--evidence", fix="Leave one out, or add --json.")

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Captions:
        return model.caption(
            video, span=within, evidence=evidence, stride=options.stride, track=options.track, on_progress=bar
        )

    answer_each(videos, options, ask, partial(_tell, options, form), out=out, suffix=f".{form or 'srt'}")


def _tell(options: VideoOptions, form: Format | None, result: Captions, about: Input) -> None:
    note_answer(result, options)
    if about.out is not None:
        content = _CONTENT[form or "srt"](result).encode()
        write_output(about.out, content, options, holds=f"{len(result)} captions")
    if options.json:
        about.print_json(result)
        return
    if about.out is not None:
        return
    if form is not None:
        # As a file of its own would be: what is on stdout is for a player.
        print(_CONTENT[form](result), end="")
        return
    about.print_heading()
    if result.out_of_domain and for_a_person():
        print_text("out of domain: the answers mean little")
    rows = [(time_of(each.start_s, each.end_s), each.text, f"{each.score:.3f}") for each in result]
    print_rows(("time", "caption", "score"), rows, faint={number for number, each in enumerate(result) if each.unsure})
    for each in result:
        print_evidence(each.evidence, each.text)
    if for_a_person():
        note(f"method {result.method}: {_METHODS[result.method]}", options)


def _format(out: Path | None, asked: Format | None) -> Format | None:
    """The form of the subtitles: what was asked for, or what the file's name says."""
    named = None if out is None else out.suffix.lower().removeprefix(".")
    if named in _CONTENT and asked is not None and named != asked:
        raise UsageError("--format and the name of the file differ", seen=f"{asked} and {out}", fix="Leave one out.")
    if asked is not None or out is None:
        return asked
    if named == "vtt":
        return "vtt"
    if named == "srt" or out.is_dir() or not named:
        return "srt"
    raise UsageError(
        "--out is no file of subtitles", seen=str(out), allowed=".srt, .vtt, or a folder", fix="For example clip.srt."
    )
