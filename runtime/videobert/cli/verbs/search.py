"""`videobert search`: which stretches of indexed videos a text, a video or a stretch of one is about."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.base.errors import ModelError, UsageError
from videobert.cli.evidence_rows import EvidenceOption, print_evidence
from videobert.cli.inputs import keep_videos
from videobert.cli.notes import note, note_answer
from videobert.cli.open_model import open_model
from videobert.cli.output_file import check_writable, write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.parser.spans import typed_span
from videobert.cli.progress import video_progress
from videobert.cli.stdout import for_a_person, print_json, print_row, print_rows, print_text
from videobert.cli.video_argument import video_label, video_source
from videobert.index.identity import read_head
from videobert.model.folder import find
from videobert.report.times import span as between

if TYPE_CHECKING:
    from videobert.results.search import Found, FoundStretch

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions(VideoOptions):
    """Those of verbs that read a video; the model is the index's own where none is typed."""

    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="A model's name or folder; the one that made the index if not given, found by its name.",
            rich_help_panel="Model and machine",
            metavar="NAME",
            show_default=False,
        ),
    ] = ""


@command
def search(
    index: Annotated[Path, typer.Argument(help="The folder that `videobert index` made.", show_default=False)],
    query: Annotated[str | None, typer.Argument(help="What to look for, in words.", show_default=False)] = None,
    video: Annotated[
        str | None,
        typer.Option("--video", metavar="VIDEO", help="Look for what is like this video, instead.", show_default=False),
    ] = None,
    span: Annotated[
        str | None,
        typer.Option(
            metavar="START-END", help="Only this stretch of --video, in seconds or h:mm:ss.", show_default=False
        ),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Most hits.")] = 10,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Also write the hits as one page that plays them.", show_default=False
        ),
    ] = None,
    evidence: EvidenceOption = False,
    *,
    options: SearchOptions,
) -> None:
    """Find stretches of indexed videos by a text, by a video or by a stretch of one. Needs videobert[search].

    The model is the index's own, where it is found by its name; --model says otherwise.

    Example: videobert search films.index "a red circle" --html found.html
    """
    if (query is None) == (video is None):
        raise UsageError(
            "give a text or --video, one of the two",
            seen="neither" if query is None else "both",
            fix='For example `videobert search INDEX "a dog on a beach"`.',
        )
    if span is not None and video is None:
        raise UsageError("--span is a stretch of --video", seen=span, fix="Give --video too.")
    bounds = None if span is None else typed_span(span)
    check_writable(html, "--html")
    keep_videos([] if video is None else [video], [html], "--html")
    if html is not None and index.resolve() in html.resolve().parents:
        raise UsageError("--html lies in the index", seen=str(html), fix="Give the page a place of its own.")
    options = _with_own_model(index, options)
    given: Any = query
    if video is not None:
        source = video_source(video)
        # A str would be a text.
        given = Path(source) if isinstance(source, str) else source
    label = "search" if video is None else video_label(video)
    with open_model(options) as model, video_progress(label, options) as bar:
        found = model.search(
            given,
            index,
            span=bounds,
            top=top,
            evidence=evidence,
            stride=options.stride,
            track=options.track,
            on_progress=bar,
        )
    if html is not None:
        keep_videos([hit.source for hit in found.hits], [html], "--html")
        from videobert.report.search_page import search_page

        write_output(html, search_page(found).encode("utf-8"), options)
    note_answer(found, options)
    if options.json:
        print_json(found)
    else:
        _show(found, options)


def _with_own_model(index: Path, options: SearchOptions) -> SearchOptions:
    """The options, with the model that made the index where none was typed.

    Raises:
        UsageError: none was typed, and the one that made the index is found by no name.
        InputError: there is no index.
    """
    if options.model:
        return options
    name = read_head(index).identity.model
    # What an index from elsewhere says is taken for a name, never for a folder.
    try:
        find(name if _NAME.fullmatch(name) else "")
    except ModelError as error:
        raise UsageError(
            "the model that made this index is not found by its name",
            seen=name,
            fix="Name its folder: `--model FOLDER`.",
        ) from error
    return dataclasses.replace(options, model=name)


def _show(found: Found, options: VideoOptions) -> None:
    doubt = _doubt(found)
    if doubt:
        if for_a_person():
            print_text(doubt)
        else:
            note(f"note: {doubt}", options)
    what = "cosine" if found.kind == "video" else "similarity" if _compared(found) else "score"
    rows = [(between(hit.start_s, hit.end_s), _name(hit), f"{_said(hit):.3f}") for hit in found.hits]
    if for_a_person():
        faint = [number for number, hit in enumerate(found.hits) if hit.unsure or hit.out_of_domain]
        print_rows(("time", "video", what), rows, faint=faint)
    else:
        for hit in found.hits:
            print_row(f"{_said(hit):.3f}", f"{hit.start_s:.3f}", f"{hit.end_s:.3f}", _marks(hit), hit.source)
    for hit in found.hits:
        print_evidence(hit.evidence, Path(hit.source).name)


def _doubt(found: Found) -> str:
    if not found.hits:
        return "nothing found: the index has no stretches"
    if found.fits is False:
        unsure = found.hits[0].unsure
        why = "is not sure what the best of them shows" if unsure else "finds none that fits"
        return f"unsure: the model {why}; these are the nearest"
    return ""


def _said(hit: FoundStretch) -> float:
    return hit.score if hit.similarity is None else hit.similarity


def _compared(found: Found) -> bool:
    return any(hit.similarity is not None for hit in found.hits)


def _marks(hit: FoundStretch) -> str:
    marks = [name for name, holds in (("unsure", hit.unsure), ("out of domain", hit.out_of_domain)) if holds]
    return ", ".join(marks)


def _name(hit: FoundStretch) -> str:
    marks = _marks(hit)
    return Path(hit.source).name + (f" ({marks})" if marks else "")
