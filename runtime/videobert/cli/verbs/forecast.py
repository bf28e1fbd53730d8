"""`videobert forecast`: which visual tokens come after the video."""

from __future__ import annotations

from functools import partial
from pathlib import Path
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
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.results.forecast import Forecast, ForecastToken
    from videobert.runtime import Runtime


@command
def forecast(
    videos: Annotated[
        list[str],
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ],
    ahead: Annotated[
        list[int] | None,
        typer.Option(
            "--ahead",
            "-a",
            min=1,
            metavar="N",
            help="How many clips ahead, 1 being the next; may be repeated; 1, 2 and 3 if not given.",
            show_default=False,
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Tokens at each time.")] = 5,
    index: Annotated[
        Path | None,
        typer.Option(
            "--index",
            metavar="DIR",
            help="What `videobert index` made with this model: for each token the stretches that look most like it.",
            show_default=False,
        ),
    ] = None,
    context_clips: Annotated[
        int | None,
        typer.Option(min=1, help="The last clips that it goes on from; the model decides if not given."),
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say which visual tokens come after the end of a video, with probabilities.

    What the model itself says of each token stands beside it.

    Example: videobert forecast clip.mp4 --ahead 1 --ahead 3
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Forecast:
        return model.forecast(
            video,
            ahead=tuple(ahead or (1, 2, 3)),
            top=top,
            index=index,
            context_clips=context_clips,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    answer_each(videos, options, ask, partial(_tell, options))


def _tell(options: VideoOptions, result: Forecast, about: Input) -> None:
    note_answer(result, options)
    if options.json:
        about.print_json(result)
        return
    about.print_heading()
    print_rows(
        ("time", "token", "score"),
        [
            (span(horizon.start_s, horizon.end_s), _said(candidate), f"{candidate.score:.3f}")
            for horizon in result
            for candidate in horizon.candidates
        ],
        ranked=not result.out_of_domain,
    )
    first = result.horizons[0].candidates[0]
    print_evidence(result.evidence, _said(first))
    if result.exemplars_from is None:
        if for_a_person():
            note("no clips that look like these tokens: a codebook keeps none; --index DIR names some", options)
        return
    likeliest = {each.candidates[0].token: each.candidates[0] for each in result}
    for candidate in likeliest.values():
        print_text(f"<{candidate.token}> looks like")
        for each in candidate.exemplars:
            print_text(f"  {span(each.start_s, each.end_s)} of {each.source}")


def _said(candidate: ForecastToken) -> str:
    answers = " ".join(answer.text for answer in candidate.answers.values())
    return f"<{candidate.token}>{answers and f' {answers}'}"
