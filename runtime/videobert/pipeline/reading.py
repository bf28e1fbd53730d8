"""A caller's text as word pieces: what the model would not understand is refused."""

from __future__ import annotations

from videobert.base.errors import InputError
from videobert.pipeline.opened import OpenedModel
from videobert.text.reader import ReadText


def read_text(opened: OpenedModel, text: str) -> ReadText:
    """A text that is judged or embedded as a whole.

    Raises:
        InputError: it is empty, or the model knows no word of it.
        LimitExceeded: it is longer than `Limits.max_text_chars`.
    """
    read = opened.tokenizer.read(text)
    if not read.pieces:
        raise InputError("the text is empty", fix='Give a text, for example "a red circle".')
    check_known(opened, text, read)
    return read


def check_known(opened: OpenedModel, text: str, read: ReadText) -> None:
    """Refuse a text of which the model knows no word; one without words, empty or of masks alone, is let through."""
    nothing = bool(read.pieces) and set(read.pieces) == {opened.tokenizer.special.unknown}
    if nothing or (read.unknown_words and not read.known_words):
        raise InputError(
            "the model knows no word of this text",
            seen=text,
            fix="Use words that the model was trained with; they are in its tokenizer.json.",
            fix_cli="Use words that the model was trained with: `videobert show MODEL --words` lists them.",
        )
