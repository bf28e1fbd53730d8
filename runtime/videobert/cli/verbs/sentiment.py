"""`videobert sentiment`: how a video feels, and what the words of a text suggest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import Input
from videobert.cli.notes import note, note_answer
from videobert.cli.open_model import open_model
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import for_a_person, print_rows
from videobert.report.open_answers import UNSURE, UNSURE_MEANS, unsure_of
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.results.sentiment import Sentiment
    from videobert.runtime import Runtime

Row = tuple[str, str, str]


@command
def sentiment(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option("--text", help="A text whose sentiment is wanted, beside the video's or alone."),
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say how a video feels, by a model's question called sentiment, mood or emotion.

    `videobert learn` teaches a model such a question. What the words of a text suggest is a guess apart from that.

    Example: videobert sentiment clip.mp4
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Sentiment:
        return model.sentiment(
            video,
            text=text,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )

    if videos:
        answer_each(videos, options, ask, partial(_tell, options))
        return
    with open_model(options) as model:
        answer = ask(model, None, Input(video="-"), None)
    _tell(options, answer, Input(video="-"))


def _tell(options: VideoOptions, result: Sentiment, about: Input) -> None:
    note_answer(result, options)
    if options.json:
        about.print_json(result)
        return
    about.print_heading()
    rows: list[Row] = []
    faint: set[int] = set()
    if result.segments:
        rows += _ranked("whole video", result.candidates, unsure=result.unsure, at=len(rows), faint=faint)
    if len(result.segments) > 1:
        for segment in result.segments:
            best = segment.candidates[:1]
            time = span(segment.start_s, segment.end_s)
            rows += _ranked(time, best, unsure=segment.unsure, at=len(rows), faint=faint)
    if result.text is not None:
        rows += _ranked("the text alone", result.text.candidates, unsure=False, at=len(rows), faint=faint)
    print_rows(("of", "sentiment", "score"), rows, ranked=not result.out_of_domain, faint=faint)
    for segment in result.segments:
        print_evidence(segment.evidence, segment.text)
    if faint and for_a_person():
        note(f"{UNSURE}: {UNSURE_MEANS}", options)
    if result.video_unknown is not None:
        note(f"note: the video's sentiment is not known: {result.video_unknown}", options)
    if result.text is not None:
        note("the text alone: a guess from its words, which nobody calibrated", options)


def _ranked(of: str, candidates: Any, *, unsure: bool, at: int, faint: set[int]) -> list[Row]:
    if not unsure:
        return [(of, candidate.text, f"{candidate.score:.3f}") for candidate in candidates]
    # One line, with the first guess: a list of them would look like answers.
    faint.add(at)
    return [(of, unsure_of(candidates[0]), f"{candidates[0].score:.3f}")]
