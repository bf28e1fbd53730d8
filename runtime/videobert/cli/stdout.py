"""Data on stdout: text and tables for a person, tabs or JSON for a program."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from videobert.base.printable import decodable, printable
from videobert.report.screen import width_of, wrapped
from videobert.results.as_json import to_json


def print_json(value: Any) -> None:
    """One strict JSON object on one line of stdout: no NaN, no infinity (both become null), ASCII only."""
    print(json.dumps(_strict(to_json(value)), allow_nan=False))


def print_text(text: str) -> None:
    """Lines on stdout, broken between words where a terminal is narrow.

    Control characters, and those that the terminal's encoding lacks, are shown in their place.
    """
    for line in text.splitlines():
        for part in wrapped(printable(line), width_of(sys.stdout), rest="  "):
            print(_encodable(part))


def print_row(*columns: object) -> None:
    """One line of columns with tabs between them."""
    print(_encodable("\t".join(printable(str(column)) for column in columns)))


def for_a_person() -> bool:
    """Whether somebody reads stdout as it is written, on a terminal."""
    return sys.stdout.isatty()


def print_rows(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, ranked: bool = False, faint: Collection[int] = ()
) -> None:
    """A table with headings on a terminal; elsewhere the rows alone, with tabs, as scripts have always read them.

    Args:
        rows: texts, one for each heading.
        ranked: rows that follow each other with the same first text are answers to one thing, and the best, which is
            the first, stands out.
        faint: numbers of the rows that stand back, since the model leaves the answer open there.
    """
    if not for_a_person():
        for row in rows:
            print_row(*row)
        return
    from videobert.report.table import Column, print_table

    columns = [Column(heading=each, wraps=index == 1, right=index > 1) for index, each in enumerate(headings)]
    shown, about = [], None
    for number, (first, answer, *rest) in enumerate(rows):
        best = ranked and first != about
        style = "dim" if number in faint else ""
        shown.append(
            [
                (("" if ranked and first == about else first, ""),),
                ((answer, style or ("bold" if best else "")),),
                *(((text, style),) for text in rest),
            ]
        )
        about = first
    print_table(columns, shown)


def _encodable(line: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {_strict(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        # Undecodable bytes of a file name are lone surrogates in Python and not valid in JSON.
        return decodable(value)
    return value
