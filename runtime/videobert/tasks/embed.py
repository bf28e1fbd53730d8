"""`embed`: a video, a text or both as one vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from videobert.base.arguments import described
from videobert.base.cancelling import stop_if
from videobert.base.errors import UsageError
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.reading import read_text
from videobert.pipeline.request import Request
from videobert.pipeline.watched import watch
from videobert.pipeline.windows import window_size, windows
from videobert.results.embed import Embedding
from videobert.text.reader import ReadText


def embed(
    opened: OpenedModel, video: Any, text: str | list[str] | tuple[str, ...] | None, request: Request
) -> Embedding | list[Embedding]:
    """See `Runtime.embed`."""
    if text is None or isinstance(text, str):
        return _one(opened, video, text, request)
    if not isinstance(text, list | tuple) or video is not None:
        raise UsageError(
            "several texts are embedded without a video, as a list",
            seen=described(text) if video is None else "a video and several texts",
            allowed="a video, a text or both, or a list of texts",
            fix="Embed one text beside the video.",
        )
    return _texts(opened, text, request)


def _texts(opened: OpenedModel, texts: Sequence[str], request: Request) -> list[Embedding]:
    """Each text as if it were asked alone, encoded together."""
    family = opened.embeds
    read = []
    for text in texts:
        stop_if(request.cancel)
        read.append(read_text(opened, text))
    if not read:
        return []
    origin = opened.resting_on(opened.origin(request.stride), "embeds", text=True, video=False)
    return [
        Embedding(
            comparable=family.comparable,
            # An array of its own: a view would keep those of all texts.
            vector=vector.copy(),
            kind="text",
            origin=origin,
            unknown_words=each.unknown_words,
        )
        for vector, each in zip(family.text_vectors([each.pieces for each in read], request.cancel), read, strict=True)
    ]


def _one(opened: OpenedModel, video: Any, text: str | None, request: Request) -> Embedding:
    family = opened.embeds
    read = ReadText([], (), ()) if text is None else read_text(opened, text)
    size = None if video is None else window_size(opened, len(read.pieces))
    watched = None if video is None else watch(opened, video, request)
    if watched is None and text is None:
        raise UsageError("there is nothing to embed", fix="Give a video, a text or both.")
    parts = None if watched is None or size is None else windows(watched, size)
    return Embedding(
        comparable=family.comparable,
        vector=family.vector(None if text is None else read.pieces, parts, request.cancel),
        kind="text" if video is None else "video" if text is None else "joint",
        percentile=None if watched is None else watched.percentile,
        out_of_domain=None if watched is None else watched.out_of_domain,
        origin=opened.resting_on(
            opened.origin(request.stride) if watched is None else watched.origin,
            "embeds",
            text=text is not None,
            video=watched is not None,
        ),
        unknown_words=read.unknown_words,
    )
