"""`videobert align`: does this text belong to this video?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.notes import note, note_answer
from videobert.cli.open_model import open_model_and_video
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.stdout import for_a_person, print_json, print_row, print_rows, print_text
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert.results.align import AlignedWindow, Alignment

# Windows whose scores lie further apart say different things about the text.
_AGREEING = 0.1


@command
def align(
    video: Annotated[
        str,
        typer.Argument(
            help="A video file, saved features (.vbf) or tokens (.vbt); - reads standard input.", show_default=False
        ),
    ],
    text: Annotated[str, typer.Argument(help="The text to hold against it.", show_default=False)],
    window_clips: Annotated[
        int | None, typer.Option(min=1, help="Clips to one answer; the model decides if not given.")
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Say how likely it is that a text belongs to a video, as a whole and over time."""
    with open_model_and_video(video, options) as (model, given, bar):
        alignment = model.align(
            given,
            text,
            window_clips=window_clips,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )
    note_answer(alignment, options)
    if options.json:
        print_json(alignment)
    elif for_a_person():
        _show(alignment)
    else:
        if not alignment.calibrated or _differs(alignment):
            note(f"note: {_whole(alignment)}", options)
        _write(alignment)
    if not options.json:
        for window in alignment.windows:
            print_evidence(window.evidence, alignment.text)


def _show(alignment: Alignment) -> None:
    """For a person: the windows, then what is made of them, in words."""
    if len(alignment.windows) > 1:
        what = "score" if alignment.calibrated else "similarity"
        print_rows(
            ("time", what), [(span(each.start_s, each.end_s), f"{_said(each):.3f}") for each in alignment.windows]
        )
    print_text(_whole(alignment))


def _write(alignment: Alignment) -> None:
    """For a program: the score of the whole, then a row for each window, if there are several."""
    print_text(f"{_said(alignment):.3f}")
    if len(alignment.windows) > 1:
        for window in alignment.windows:
            print_row(span(window.start_s, window.end_s), f"{_said(window):.3f}")


def _said(answer: Alignment | AlignedWindow) -> float:
    """The probability, or the similarity of a model that gives none."""
    return answer.score if answer.similarity is None else answer.similarity


def _whole(alignment: Alignment) -> str:
    if not alignment.calibrated:
        return f"{_said(alignment):.3f} is the similarity of text and video: no probability, compare it with others"
    said = f"{alignment.score:.3f} is the probability that text and video belong together"
    if len(alignment.windows) == 1:
        return said
    said += f", that of the mean log-odds of {len(alignment.windows)} windows"
    if not _differs(alignment):
        return f"{said} that agree"
    low, high = _range(alignment)
    return f"{said} that differ, from {low:.3f} to {high:.3f}: look at each"


def _differs(alignment: Alignment) -> bool:
    low, high = _range(alignment)
    return high - low > _AGREEING


def _range(alignment: Alignment) -> tuple[float, float]:
    scores = [window.score for window in alignment.windows]
    return min(scores), max(scores)
