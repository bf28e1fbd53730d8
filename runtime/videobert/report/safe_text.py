"""Untrusted text (file names, labels, words) made safe to show."""

from __future__ import annotations

import html
import unicodedata


def printable(text: str) -> str:
    """`text` on one line with control, direction-changing and undecodable characters written as escapes.

    A file name can hold terminal escape sequences or line breaks; neither may reach a terminal or a log.
    """
    return "".join(c if c.isprintable() else _shown(c) for c in text)


def escaped(value: object) -> str:
    """The text of `value` for HTML content and for attribute values in double quotes."""
    return html.escape(printable(str(value)), quote=True)


def _shown(character: str) -> str:
    if unicodedata.category(character) == "Zs":  # the many kinds of space, harmless in a name
        return " "
    return character.encode("unicode_escape").decode("ascii")
