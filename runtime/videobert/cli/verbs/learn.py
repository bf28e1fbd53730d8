"""`videobert learn`: own classes from labelled stretches of video, as a question that a copy of a model answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from videobert.cli.needs_modeling import modeling_side, require_packages
from videobert.cli.notes import note
from videobert.cli.parser.command import command
from videobert.cli.parser.options import CommonOptions
from videobert.cli.progress import step_progress
from videobert.cli.stdout import print_json, print_rows, print_text
from videobert.model.folder import find
from videobert.model.mending import typed
from videobert.report.times import span

if TYPE_CHECKING:
    from videobert_modeling.learn import Learned
    from videobert_modeling.learn.report import LearnedQuestion, Wrong

# More than these are in learn.json.
_MOST_WRONG = 10
_MOST_IN_TABLE = 12
_MOST_LEFT_OUT = 5


@command
def learn(
    model: Annotated[
        str,
        typer.Argument(
            help="A model's name or a model folder: its backbone sees the videos, and a copy of it learns.",
            show_default=False,
        ),
    ],
    data: Annotated[
        Path,
        typer.Argument(
            help='A .jsonl file, one line a stretch: {"video": "a.mp4", "start": 0, "end": 3.5, "labels": {"sport": '
            '"archery"}}; or a folder with one folder of videos for each class.',
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The new model folder.", show_default=False)],
    question: Annotated[
        list[str] | None,
        typer.Option(
            "--question",
            help="Of a file: a question to learn, all of them if not given; may be repeated. Of a folder: the name of "
            "its question, the folder's own if not given.",
            show_default=False,
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of a question that the model has under this name.")
    ] = False,
    features: Annotated[
        Path | None,
        typer.Option(
            "--features",
            metavar="DIR",
            help="Where the features of clips are kept, so that no video is read twice; the user's cache if not given.",
            show_default=False,
        ),
    ] = None,
    decoder: Annotated[
        Literal["auto", "pyav", "dali"], typer.Option(help="What decodes videos; dali needs videobert[dali].")
    ] = "auto",
    *,
    options: CommonOptions,
) -> None:
    """Teach a copy of a model your own classes, from five examples of each upwards.

    Says how well it answers about videos that it did not learn from, and which of them it gets wrong.

    Example: videobert learn shapes data.jsonl --out my-shapes
    """
    find(model)
    require_packages("learn", "train", "torch", "onnx", "onnxscript", "onnxruntime", "sklearn")
    with modeling_side("learn", "train"):
        from videobert_modeling.learn import learn as learn_from

        with step_progress("learning", options) as on_progress:
            learned = learn_from(
                model,
                data,
                out,
                questions=tuple(question or ()),
                replace=replace,
                features=features,
                decoder=decoder,
                on_progress=on_progress,
            )
    if options.json:
        print_json(learned.to_json())
    else:
        for each in learned.questions.values():
            _tell(each)
    _note(learned, options)


def _tell(question: LearnedQuestion) -> None:
    """What was learned of a question, on stdout."""
    accuracy = question.accuracy
    if accuracy is None:
        print_text(f"{question.name}: learned, and not measured")
    else:
        print_text(
            f"{question.name}: {accuracy} on {question.measured} stretches of videos that were held out; the commonest "
            f"label alone: {question.commonest:.1%}"
        )
    for text in question.notes:
        print_text(f"  {text}")
    rows = question.to_json()["classes"].items()
    print_rows(
        ("label", "examples", "videos", "found", "true"),
        [
            (label, str(row["examples"]), str(row["videos"]), _percent(row["recall"]), _percent(row["precision"]))
            for label, row in rows
        ],
    )
    if question.wrong:
        _tell_confusion(question)
        _tell_wrong(question.wrong)


def _tell_confusion(question: LearnedQuestion) -> None:
    print_text("right label in rows, answers in columns:")
    if len(question.labels) <= _MOST_IN_TABLE:
        print_rows(
            ("", *question.labels),
            [
                (label, *(str(count) if count else "·" for count in row))
                for label, row in zip(question.labels, question.confusion.tolist(), strict=True)
            ],
        )
        return
    pairs = sorted(
        (-count, label, question.labels[answer])
        for label, row in zip(question.labels, question.confusion.tolist(), strict=True)
        for answer, count in enumerate(row)
        if count and question.labels[answer] != label
    )
    print_rows(
        ("label", "answer", "stretches"),
        [(label, answer, str(-count)) for count, label, answer in pairs[:_MOST_IN_TABLE]],
    )


def _tell_wrong(wrong: tuple[Wrong, ...]) -> None:
    more = f", the surest {_MOST_WRONG} of {len(wrong)}" if len(wrong) > _MOST_WRONG else ""
    print_text(f"wrong{more}:")
    print_rows(
        ("video", "answer", "score", "label", "time"),
        [
            (each.stretch.name, each.answer, f"{each.score:.3f}", each.label, _time(each))
            for each in wrong[:_MOST_WRONG]
        ],
    )


def _time(wrong: Wrong) -> str:
    start, end = wrong.stretch.start_s, wrong.stretch.end_s
    if start is None and end is None:
        return "whole"
    return f"{start or 0.0:.1f} s on" if end is None else span(start or 0.0, end)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _note(learned: Learned, options: CommonOptions) -> None:
    for each in learned.left_out[:_MOST_LEFT_OUT]:
        note(f"left out: {each.video} ({each.where}): {each.reason}", options)
    if len(learned.left_out) > _MOST_LEFT_OUT:
        note(f"left out: {len(learned.left_out) - _MOST_LEFT_OUT} more; see --json", options)
    note(f"wrote {learned.folder}", options)
    folder = typed(learned.folder)
    first = next(iter(learned.questions))
    ask = f"videobert classify VIDEO --model {folder} --question {first}"
    note(f"next: {ask}" if learned.built else f"next: videobert build {folder}, then {ask}", options)
