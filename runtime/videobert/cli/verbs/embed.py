"""`videobert embed`: a video, a text or both as one vector."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from videobert.base.errors import UsageError
from videobert.cli.answer_each import answer_each
from videobert.cli.inputs import Input
from videobert.cli.notes import note, note_answer
from videobert.cli.open_model import open_model
from videobert.cli.output_file import check_writable, write_output
from videobert.cli.parser.command import command
from videobert.cli.parser.options import VideoOptions
from videobert.cli.progress import VideoProgress
from videobert.cli.stdout import for_a_person, print_text

if TYPE_CHECKING:
    from videobert.results.embed import Embedding
    from videobert.runtime import Runtime

# Values of a vector shown on a terminal.
_FIRST = 8


@command
def embed(
    videos: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="VIDEO",
            help="Video files, saved features (.vbf) or tokens (.vbt), or folders of these; - reads standard input.",
            show_default=False,
        ),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", "-t", help="A text, alone or with the video.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.npy",
            help="Save the vector as float32. A folder, for several videos.",
            show_default=False,
        ),
    ] = None,
    *,
    options: VideoOptions,
) -> None:
    """Turn a video, a text or both into one vector.

    Vectors of one kind can be compared with each other; vectors of text and of video only where the model puts both in
    one space: `comparable` says so.
    """

    def ask(model: Runtime, video: Any, _: Input, bar: VideoProgress | None) -> Embedding:
        return model.embed(video, text, stride=options.stride, track=options.track, on_progress=bar)

    if videos:
        answer_each(videos, options, ask, partial(_tell, options), out=out, suffix=".npy")
        return
    if text is None:
        raise UsageError("there is nothing to embed", fix="Give a video, --text, or both.")
    check_writable(out, "--out")
    with open_model(options) as model:
        alone = Input(video="text", out=out)
        embedding = ask(model, None, alone, None)
    _tell(options, embedding, alone)


def _tell(options: VideoOptions, embedding: Embedding, about: Input) -> None:
    out = about.out
    if out is not None:
        write_output(out, _npy(embedding), options)
    note_answer(embedding, options)
    if not embedding.comparable:
        note("note: text and video vectors are comparable with each other only with a retrieval head", options)
    if options.json:
        about.print_json(embedding)
    elif out is None and for_a_person():
        about.print_heading()
        print_text(_glance(embedding))
    elif out is None:
        about.print_heading()
        print_text(" ".join(f"{number:.9g}" for number in embedding.vector))


def _glance(embedding: Embedding) -> str:
    """What a person wants to see of a vector."""
    import numpy as np

    vector = embedding.vector
    first = "  ".join(f"{number:.4g}" for number in vector[:_FIRST])
    more = len(vector) - _FIRST
    space = "\nvectors of text and of video of this model can be compared with each other" * embedding.comparable
    return (
        f"{embedding.kind} vector: {len(vector)} values, float32, norm {float(np.linalg.norm(vector)):.4g}{space}\n"
        f"{first}{f'  … {more} more' if more > 0 else ''}\n"
        "all of them: --out FILE.npy, --json, or stdout to a file or pipe"
    )


def _npy(embedding: Embedding) -> bytes:
    """The content of a `.npy` file."""
    import io

    import numpy as np

    buffer = io.BytesIO()
    np.save(buffer, embedding.vector, allow_pickle=False)
    return buffer.getvalue()
