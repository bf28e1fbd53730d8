"""`videobert answer`: a question about a video, and the stretch that answers it."""

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
from videobert.cli.parser.spans import typed_span
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import for_a_person, print_rows, print_text
from videobert.report.open_answers import UNSURE
from videobert.report.times import span as time_of

if TYPE_CHECKING:
    from videobert.results.answer import Answer
    from videobert.runtime import Runtime

_METHODS = {
    "alignment": "each answer was held against the video by the joint encoder",
    "meaning": "each answer was held against the video by its meaning",
    "pseudo_likelihood": "by how much likelier the video makes the words of each answer",
    "decoder": "sentences that a network wrote, with the question beside the video",
}


@command
def answer(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    question: Annotated[str, typer.Argument(help="What is asked; stands last.", show_default=False)],
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--choice",
            "-c",
            help="An answer to choose from, for the [MASK] of the question if it has one; may be repeated.",
            show_default=False,
        ),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(metavar="START-END", help="Ask about these seconds, e.g. 1.5-4.", show_default=False),
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Answer a question about a video, with the stretch that answers it.

    Choose among --choice, or ask for yes or no: "is there a red circle?", "does someone flip a pancake?". Any other
    question needs a model that writes sentences.

    Example: videobert answer clip.mp4 "is there a red heart?"
    """
    within = None if span is None else typed_span(span)

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Answer:
        return model.answer(
            video,
            question,
            choices=choices or None,
            span=within,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    answer_each(videos, options, ask, partial(_tell, options))


def _tell(options: VideoOptions, result: Answer, about: Input) -> None:
    note_answer(result, options)
    if options.json:
        about.print_json(result)
        return
    about.print_heading()
    if for_a_person():
        if result.out_of_domain:
            print_text("out of domain: the answer means little")
        elif result.unsure:
            print_text(f"{UNSURE}: none of the answers can be relied on")
    time = time_of(result.start_s, result.end_s)
    rows = [(time, candidate.text, f"{candidate.score:.3f}") for candidate in result.candidates]
    faint = set(range(len(rows))) if result.unsure else set()
    print_rows(("time", "answer", "score"), rows, ranked=not (result.unsure or result.out_of_domain), faint=faint)
    print_evidence(result.evidence, result.text)
    if for_a_person():
        asked = "" if result.statement is None else f" ({result.statement})"
        note(f"method {result.method}: {_METHODS[result.method]}{asked}", options)
