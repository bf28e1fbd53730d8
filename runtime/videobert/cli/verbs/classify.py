"""`videobert classify`: which of some labels fits each stretch of a video."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import Input
from videobert.cli.notes import note_answer, note_unsure
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import print_rows
from videobert.report.open_answers import unsure_of
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.results.classify import Classification
    from videobert.runtime import Runtime


@command
def classify(
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
            help="A question that the model comes with, e.g. colour; `videobert show MODEL` lists them.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", help="A label to choose from; may be repeated.", show_default=False),
    ] = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            "-t",
            help="A sentence with [MASK] where the label goes, or {label}; may be repeated, scores are averaged. "
            "Models whose text and video lie in one space need none.",
            show_default=False,
        ),
    ] = None,
    window_clips: Annotated[
        int | None, typer.Option(min=1, help="Clips to one answer; the model decides if not given.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Answers to each stretch.")] = 5,
    prior_strength: Annotated[
        float,
        typer.Option(min=0.0, max=2.0, help="How much of the score without the video is subtracted: 1 all, 0 none."),
    ] = 1.0,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say which label fits each stretch of a video best, or that the model is unsure.

    Where text and video lie in one space, "none of these" is one of the answers.

    Example: videobert classify clip.mp4 -l red -l blue -t "a [MASK] circle"
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Classification:
        return model.classify(
            video,
            labels or None,
            template or None,
            question=question,
            window_clips=window_clips,
            top=top,
            prior_strength=prior_strength,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    answer_each(videos, options, ask, partial(_tell, options))


def _tell(options: VideoOptions, result: Classification, about: Input) -> None:
    note_answer(result, options)
    if options.json:
        about.print_json(result)
        return
    note_unsure(sum(segment.unsure for segment in result.segments), len(result.segments), "stretches", options)
    about.print_heading()
    rows: list[tuple[str, str, str]] = []
    faint = set()
    for segment in result.segments:
        time = span(segment.start_s, segment.end_s)
        if segment.unsure:
            # One line, with the first guess: a list of them would look like answers.
            best = segment.candidates[0]
            faint.add(len(rows))
            rows.append((time, unsure_of(best), f"{best.score:.3f}"))
        else:
            rows += [(time, candidate.text, f"{candidate.score:.3f}") for candidate in segment.candidates]
    print_rows(("time", "label", "score"), rows, ranked=not result.out_of_domain, faint=faint)
    for segment in result.segments:
        print_evidence(segment.evidence, segment.text)
