r"""Untrusted text on one line, the same in an error, on a terminal, in JSON and on a page.

A byte of a file name that is no UTF-8, which Python holds as a lone surrogate, is written `\xe9` everywhere.
"""

from __future__ import annotations

import os
import re
import unicodedata

# Python holds such a byte as U+DC00 and its value.
_BYTES = range(0xDC80, 0xDD00)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
# The same where Python has written a name as in its source code, as the texts of its own errors do.
_WRITTEN_BYTE = re.compile(r"(?<!\\)\\udc([89a-f][0-9a-f])")


def printable(text: str) -> str:
    """`text` on one line with control, direction-changing and undecodable characters written as escapes.

    A file name can hold terminal escape sequences or line breaks; neither may reach a terminal or a log.
    """
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def decodable(text: str) -> str:
    """`text` with undecodable characters alone written as escapes, for a form that has its own for the others."""
    return _SURROGATE.sub(lambda found: _escape(found.group()), text)


def shown(value: object, longest: int) -> str:
    """A value as an error shows it: on one line, cut after `longest` characters."""
    try:
        text = (
            value if isinstance(value, str) else os.fsdecode(value) if isinstance(value, os.PathLike) else repr(value)
        )
    except Exception:  # a whole number of thousands of digits, a nest too deep, or whatever a foreign object raises
        text = type(value).__name__
    cut = len(text) > longest
    text = _WRITTEN_BYTE.sub(r"\\x\1", printable(text[:longest]))
    return text[:longest] + "…" if cut or len(text) > longest else text


def _escape(character: str) -> str:
    if ord(character) in _BYTES:
        return f"\\x{ord(character) & 0xFF:02x}"
    if unicodedata.category(character) == "Zs":  # the many kinds of space, harmless in a name
        return " "
    return character.encode("unicode_escape").decode("ascii")
