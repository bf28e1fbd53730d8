"""`README.md` of a model folder: what a reader must know first, found in whatever form the card has it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
_ITEM = re.compile(r"^\s*[-*+]\s+")
_LICENCE_ROW = re.compile(r"^\|\s*licen[cs]e\s*\|([^|]*)\|", re.IGNORECASE | re.MULTILINE)
_LICENCE_FIELD = re.compile(r"^licen[cs]e:\s*(.+?)\s*$", re.IGNORECASE | re.MULTILINE)
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_MARKS = re.compile(r"\*\*|__|`")
_MOST_TEXTS = 20
_LONGEST_TEXT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What a card says.

    Args:
        summary: its first paragraph.
        licence: as it is written; None where the card names none.
        limits: what the model cannot do, one text for each point.
    """

    summary: str | None
    licence: str | None
    limits: tuple[str, ...]


def read_card(text: str) -> ModelCard:
    """The card in a Markdown text, which is not trusted: nothing in it is followed or run, and every text is cut."""
    front = _FRONT.match(text)
    fields, body = (front.group(1), text[front.end() :]) if front else ("", text)
    sections = _sections(body)
    summary = next((text for _, texts in sections for text in texts), None)
    row, field = _LICENCE_ROW.search(body), _LICENCE_FIELD.search(fields)
    own = _first(sections, r"licen[cs]e\b")
    licence = field.group(1) if field else row.group(1).strip() if row else own[0] if own else None
    limits = _first(sections, r"(known )?limit(s|ations)?\b")
    return ModelCard(
        summary=summary,
        licence=None if licence is None else _plain(licence),
        limits=tuple(limits[:_MOST_TEXTS]),
    )


def _first(sections: list[tuple[str, list[str]]], heading: str) -> list[str]:
    return next((texts for title, texts in sections if re.match(heading, title, re.IGNORECASE)), [])


def _sections(body: str) -> list[tuple[str, list[str]]]:
    """Headings with the paragraphs and list items below each; tables are left out."""
    sections: list[tuple[str, list[str]]] = [("", [])]
    going_on = False
    for line in body.splitlines():
        heading = _HEADING.match(line)
        texts = sections[-1][1]
        if heading:
            sections.append((_plain(heading.group(1)), []))
            going_on = False
        elif not line.strip() or line.lstrip().startswith(("|", "```")):
            going_on = False
        elif going_on and not _ITEM.match(line):
            texts[-1] = _plain(f"{texts[-1]} {line}")
        else:
            texts.append(_plain(_ITEM.sub("", line)))
            going_on = True
    return sections


def _plain(text: str) -> str:
    text = " ".join(_MARKS.sub("", text).split())
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
