"""`videobert events`: what goes on in a video, and from when to when."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import Input
from videobert.cli.notes import note, note_answer
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import for_a_person, print_rows, print_text
from videobert.report.open_answers import UNSURE
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.results.events import Events
    from videobert.runtime import Runtime


@command
def events(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    question: Annotated[
        str | None,
        typer.Option(
            "--question",
            help="A question that the model comes with, e.g. motion; all of them if not given. "
            "`videobert show MODEL` lists them.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            "-l",
            help="Something that may go on; may be repeated. Several may go on at once, where the model judges each.",
            show_default=False,
        ),
    ] = None,
    at_least: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="The probability from which something is said to go on.")
    ] = 0.5,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say what goes on in a video, and from when to when; what the model is unsure of is said too.

    Events may overlap. They begin and end at cuts where what is seen changes there.

    Example: videobert events clip.mp4 --question motion
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Events:
        return model.events(
            video,
            labels=labels or None,
            question=question,
            at_least=at_least,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    answer_each(videos, options, ask, partial(_tell, options))


def _tell(options: VideoOptions, result: Events, about: Input) -> None:
    note_answer(result, options)
    if options.json:
        about.print_json(result)
        return
    about.print_heading()
    if result.out_of_domain and for_a_person():
        print_text("out of domain: the answers mean little")
    told = [(each.start_s, each.end_s, each.label, f"{each.score:.3f}", each.question, False) for each in result.events]
    told += [(each.start_s, each.end_s, UNSURE, "", each.question, True) for each in result.unsure]
    told.sort(key=lambda line: line[:2])
    rows = [(span(start_s, end_s), label, score, name or "") for start_s, end_s, label, score, name, _ in told]
    faint = {number for number, line in enumerate(told) if line[-1]}
    print_rows(("time", "event", "score", "question"), rows, faint=faint)
    for event in result:
        print_evidence(event.evidence, event.label)
    if not told and for_a_person():
        note(f"none of the labels has a probability of {result.at_least:g} or more", options)
    if faint and for_a_person():
        note(f"{UNSURE}: the model leaves the answer open there, or no label is likely enough", options)
