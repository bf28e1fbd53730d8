"""`videobert edit`: cut a film by a sentence, by texts or by hand."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.base.errors import UsageError
from videobert.cli.answer_each import answer_each
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import Input, keep_videos
from videobert.cli.notes import note, note_answer
from videobert.cli.output_file import check_writable
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress, video_progress
from videobert.cli.stdout import print_json, print_rows, print_text
from videobert.cli.video_argument import video_label, video_source
from videobert.editing.grammar import REVERSE
from videobert.report.open_answers import UNSURE
from videobert.report.times import clock, span
from videobert.results.as_json import to_json

if TYPE_CHECKING:
    from videobert.results.edit import EditPlan, EditSpan
    from videobert.results.film import Film
    from videobert.runtime import Runtime

_TIME = r"(?:\d+:)?(?:\d+:)?\d+(?:\.\d+)?"
_SPAN = re.compile(rf"({_TIME})\s*(?:-|–|\.\.)\s*({_TIME})")


@command
def edit(
    video: Annotated[
        str,
        typer.Argument(help="A film, or a folder of films; - reads a file from standard input.", show_default=False),
    ],
    instruction: Annotated[
        str | None,
        typer.Argument(
            help='What to do, such as "keep only the parts where someone pours, then at most 30 seconds".',
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep",
            metavar="START-END",
            help="Keep this stretch alone, e.g. 1.5-4; may be repeated.",
            show_default=False,
        ),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(
            "--remove",
            metavar="START-END",
            help="Cut this stretch out, e.g. 1.5-4; may be repeated.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.0, help="The longest that the new film may be.", show_default=False),
    ] = None,
    edit_list: Annotated[
        Path | None,
        typer.Option(
            "--list",
            metavar="FILE",
            help="Write an edit list: .edl (CMX 3600), .otio (OpenTimelineIO) or .json.",
            show_default=False,
        ),
    ] = None,
    from_list: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Cut by an edit list in place of an instruction; needs --out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="Write the cut film: .mp4, .mov, .mkv or .webm. A folder, for several films.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and write nothing.")] = False,
    evidence: EvidenceOption = False,
    *,
    options: VideoOptions,
) -> None:
    """Cut a film by an instruction, or by hand: say what stays, and write an edit list or the film itself.

    What stays is copied; only between a cut and the next key frame pictures are encoded anew. None is made up.

    An instruction is: keep …, cut out …, bring … to the front / to the end / before …, start with …, end with …,
    at most N seconds, reverse the order; joined by "and" or "then". Where … stands, say what is seen, such as
    "the parts where someone pours", or when: "3 to 7.5 s", "the first 10 seconds", "everything after 1:30".

    Example: videobert edit clip.mp4 "cut out the first 2 seconds" --list cut.edl --out cut.mp4
    """
    if edit_list is not None:
        from videobert.editing.edit_list import suffix_of

        check_writable(edit_list, "--list")
        keep_videos([video], [edit_list], "--list")
        suffix_of(edit_list)
        if os.path.isdir(video):
            raise UsageError("--list is for one film", seen=video, fix="Name one film, or leave it out.")
    if out is not None and not os.path.isdir(video):
        from videobert.editing.film import container_of

        container_of(out)
    if from_list is not None:
        _by_list(
            video, from_list, out, instruction or keep or remove or seconds or edit_list or evidence, dry_run, options
        )
        return
    kept, removed = _spans("--keep", keep), _spans("--remove", remove)

    def ask(model: Runtime, given: Any, about: Input, bar: VideoProgress | None) -> tuple[EditPlan, Film | None]:
        plan = model.edit(
            given,
            instruction,
            keep=kept,
            remove=removed,
            seconds=seconds,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )
        if edit_list is not None and not dry_run:
            from videobert.editing.edit_list import write_edit_list

            write_edit_list(plan, edit_list)
        if about.out is None:
            return plan, None
        return plan, _written(given, plan, about.out, dry_run, options, bar)

    tell = partial(_tell, options, edit_list, dry_run)
    answer_each([video], options, ask, tell, out=out, suffix=".mp4")


def _by_list(video: str, from_list: Path, out: Path | None, more: object, dry_run: bool, options: VideoOptions) -> None:
    """Cut by a list that somebody else has written or changed: no model is asked."""
    from videobert.editing.edit_list import read_edit_list

    if more:
        raise UsageError("--from takes the place of an instruction", fix="Give the list alone, and --out.")
    if os.path.isdir(video):
        raise UsageError("--from is for one film", seen=video, fix="Name one film.")
    if out is None:
        raise UsageError(
            "--from needs --out, with --dry-run too: what can be copied depends on the new film's ending",
            fix="Add --out cut.mp4.",
        )
    check_writable(out, "--out")
    given: Any = video_source(video)
    spans = read_edit_list(from_list, given, track=options.track, limits=options.limits)
    with video_progress(video_label(video), options) as bar:
        film = _written(given, spans, out, dry_run, options, bar)
    if options.json:
        print_json(film)
    else:
        print_text(_film_told(film, dry_run))


def _written(given: Any, plan: Any, out: Path, dry_run: bool, options: VideoOptions, bar: VideoProgress | None) -> Film:
    from videobert.editing.film import write_film

    return write_film(given, plan, out, track=options.track, limits=options.limits, dry_run=dry_run, on_progress=bar)


def _tell(
    options: VideoOptions, edit_list: Path | None, dry_run: bool, answer: tuple[EditPlan, Film | None], about: Input
) -> None:
    plan, film = answer
    note_answer(plan, options)
    for sought in plan.sought:
        if not sought.stretches:
            note(f'note: nothing in the film fits "{sought.text}"', options)
    # The first step finds the whole film, which is one part.
    if REVERSE in plan.steps and (plan.steps[0] == REVERSE or len(plan.spans) == 1):
        note("note: there was one part only, so reversing the order changed nothing", options)
    if options.json:
        written = {"list": None if dry_run else edit_list, "film": film, "dry_run": dry_run}
        about.print_json(to_json(plan) | {"written": to_json(written)})
        return
    about.print_heading()
    print_rows(
        ("time", "part", "score"),
        [(span(each.start_s, each.end_s), _why(each), _score(each.score)) for each in plan.spans],
    )
    for sought in plan.sought:
        for stretch in sought.stretches:
            print_evidence(stretch.evidence, sought.text)
    whole = plan.film.end_s - plan.film.start_s
    note(f"{clock(plan.duration_s)} of {clock(whole)} stay: {'; '.join(plan.steps)}", options)
    if plan.film.variable_rate:
        note("note: frames come irregularly: cuts are exact, time codes of .edl and .otio are rounded", options)
    if edit_list is not None and not dry_run:
        note(f"wrote {edit_list}", options)
    if film is not None:
        note(_film_told(film, dry_run), options)


def _film_told(film: Film, dry_run: bool) -> str:
    said = f"{'would write' if dry_run else 'wrote'} {film.path}: {film.frames} frames"
    said += f", {film.frames_copied} copied as they are" if film.frames_copied else ", all encoded anew"
    said += f" ({film.why})" if film.why else ""
    sound = f"; sound: {', '.join(film.sound)}" if film.sound else ""
    return said + sound + (f"; left out: {', '.join(film.left_out)}" if film.left_out else "")


def _why(part: EditSpan) -> str:
    return f"{UNSURE} ({part.why})" if part.unsure else part.why


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


def _spans(option: str, typed: list[str] | None) -> list[tuple[float, float]] | None:
    return [_span(option, each) for each in typed] if typed else None


def _span(option: str, typed: str) -> tuple[float, float]:
    found = _SPAN.fullmatch(typed.strip())
    if found is None:
        raise UsageError(
            f"{option} is no span", seen=typed, allowed="two times, such as 3.0-7.5 or 1:05-1:30", fix="Correct it."
        )
    return _seconds(found[1]), _seconds(found[2])


def _seconds(text: str) -> float:
    seconds = 0.0
    for part in text.split(":"):
        seconds = seconds * 60 + float(part)
    return seconds
