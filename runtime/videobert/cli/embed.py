"""`videobert embed`: a video, a text or both as one vector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from videobert.cli.options import VideoOptions, command
from videobert.cli.output import check_writable, for_a_person, print_json, print_text
from videobert.cli.session import label, open_model, source
from videobert.cli.talk import note, note_domain, note_origin, note_unknown, progress
from videobert.errors import UsageError

if TYPE_CHECKING:
    from videobert.results import Embedding

# Values of a vector shown on a terminal.
_FIRST = 8


@command
def embed(
    video: Annotated[
        str | None,
        typer.Argument(help="A video file or saved tokens (.vbt); - reads standard input.", show_default=False),
    ] = None,
    text: Annotated[
        str | None, typer.Option("--text", "-t", help="A text, alone or with the video.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE.npy", help="Save the vector as float32.", show_default=False),
    ] = None,
    *,
    options: VideoOptions,
) -> None:
    """Turn a video, a text or both into one vector.

    Vectors of one kind can be compared with each other; vectors of text and of video only with a retrieval head.
    """
    if video is None and text is None:
        raise UsageError("there is nothing to embed", fix="Give a video, --text, or both.")
    check_writable(out, "--out")
    given = None if video is None else source(video)
    with open_model(options) as model, progress("text" if video is None else label(video), options) as on_progress:
        embedding = model.embed(given, text, stride=options.stride, track=options.track, on_progress=on_progress)
    if out is not None:
        _save(embedding, out)
        note(f"wrote {out}", options)
    note_origin(embedding.origin, options)
    note_domain(embedding.percentile, embedding.out_of_domain, options)
    note_unknown(embedding.unknown_words, options)
    if not embedding.comparable:
        note("note: text and video vectors are comparable with each other only with a retrieval head", options)
    if options.json:
        print_json(embedding)
    elif out is None and for_a_person():
        print_text(_glance(embedding))
    elif out is None:
        print_text(" ".join(f"{number:.9g}" for number in embedding.vector))


def _glance(embedding: Embedding) -> str:
    """What a person wants to see of a vector."""
    import numpy as np

    vector = embedding.vector
    first = "  ".join(f"{number:.4g}" for number in vector[:_FIRST])
    more = len(vector) - _FIRST
    return (
        f"{embedding.kind} vector: {len(vector)} values, float32, norm {float(np.linalg.norm(vector)):.4g}\n"
        f"{first}{f'  … {more} more' if more > 0 else ''}\n"
        "all of them: --out FILE.npy, --json, or stdout to a file or pipe"
    )


def _save(embedding: Embedding, out: Path) -> None:
    import io

    import numpy as np

    from videobert.atomic import write_atomically

    buffer = io.BytesIO()
    np.save(buffer, embedding.vector, allow_pickle=False)
    write_atomically(out, lambda path: path.write_bytes(buffer.getvalue()))
