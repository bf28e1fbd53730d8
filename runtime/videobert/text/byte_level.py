"""Pieces of a byte-level tokenizer: bytes of UTF-8, each written as one printable character.

The alphabet is that of GPT-2: a byte that is a printable character of Latin-1 stands for itself, the 68 others are
written as the characters from U+0100 on, so that a space is `Ġ` (the `tokenizers` library calls it `ByteLevel`).
"""

from __future__ import annotations

_PRINTABLE = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
_OTHERS = [byte for byte in range(256) if byte not in _PRINTABLE]
_TO_LATIN_1 = {0x100 + place: byte for place, byte in enumerate(_OTHERS)}

ALPHABET = frozenset(map(chr, {*_PRINTABLE, *_TO_LATIN_1}))
"""The 256 characters, one for each byte."""


def text_of(piece: str) -> str | None:
    """The text that a piece stands for; None where it is a part of a character, or no piece of this alphabet."""
    try:
        return piece.translate(_TO_LATIN_1).encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None


def is_answer(piece: str) -> bool:
    """Whether a reader can be shown a piece as a word: whole characters that can be seen."""
    text = text_of(piece)
    return text is not None and text.removeprefix(" ").isprintable() and bool(text.strip())


def shown(piece: str, *, after_space: bool) -> str:
    """A piece as a reader sees it where it fills a place in a text.

    Args:
        after_space: whether a space stands before the place, or a word begins there. A piece that brings its own space
            is then shown without it, and one that goes on the word before it begins with `##`, as BERT writes such
            pieces. If not, the piece is shown as it is, with the space that it brings.
    """
    text = text_of(piece)
    if text is None or not after_space:
        return piece if text is None else text
    if text.startswith(" "):
        return text[1:]
    return f"##{text}" if text[:1].isalnum() else text
