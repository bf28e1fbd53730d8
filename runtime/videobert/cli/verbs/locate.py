"""`videobert locate`: where in a video is what a text says?"""

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
from videobert.report.open_answers import UNSURE, UNSURE_MEANS
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.results.locate import Hit, Located
    from videobert.runtime import Runtime


@command
def locate(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    text: Annotated[str, typer.Argument(help="What to look for; stands last.", show_default=False)],
    top: Annotated[int, typer.Option(min=1, help="Hits in each video, at most.")] = 5,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Find the stretches of a video that a text fits, best first.

    They may be of any length, and end at cuts where the model knows shots. Nothing is printed for a text that fits
    nowhere, unless the model only compares.

    Example: videobert locate clip.mp4 "a red heart"
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Located:
        return model.locate(
            video,
            text,
            top=top,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    answer_each(videos, options, ask, partial(_tell, options))


def _tell(options: VideoOptions, result: Located, about: Input) -> None:
    note_answer(result, options)
    if options.json:
        about.print_json(result)
        return
    about.print_heading()
    if result.out_of_domain and for_a_person():
        print_text("out of domain: the hits mean little")
    if not result.hits:
        note(f"nothing in this video fits: {result.text}", options)
        return
    rows = [(span(hit.start_s, hit.end_s), UNSURE if hit.unsure else "", f"{hit.score:.3f}") for hit in result]
    faint = {number for number, hit in enumerate(result) if hit.unsure}
    print_rows(("time", "sure", "score"), [(time, said or "yes", score) for time, said, score in rows], faint=faint)
    for hit in result:
        print_evidence(hit.evidence, _name(hit))
    if not for_a_person():
        return
    if faint:
        note(f"{UNSURE}: {UNSURE_MEANS}", options)
    if not result.calibrated:
        note("this model only compares: the best hit has 1.000, whether it fits or not", options)


def _name(hit: Hit) -> str:
    return f"hit at {span(hit.start_s, hit.end_s)}"
