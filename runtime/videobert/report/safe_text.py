"""Untrusted text (file names, labels, words) made safe to show."""

from __future__ import annotations

import html

from videobert.base.printable import printable

__all__ = ["escaped", "printable"]


def escaped(value: object) -> str:
    """The text of `value` for HTML content and for attribute values in double quotes."""
    return html.escape(printable(str(value)), quote=True)
