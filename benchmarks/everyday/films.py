"""The labelled films of a trial: a JSON manifest, read and checked; the films themselves are not in this repository.

A film is `{"path", "title", "source", "licence", "sha256", "kind"}` and, as they apply, `"group"` (films that a query
may find either of), `"labels"` (the actions that count as right), `"queries"` (free English that should find it) and
`"topic"` (which of the manifest's `topics` it belongs to). `kind` is `action` (its action is among the labels of the
model), `other` (it shows none of them) or `near` (an action beside them, or several: not counted).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("action", "other", "near")


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One labelled film; `name` is what features are kept under."""

    name: str
    path: Path
    title: str
    source: str
    licence: str
    sha256: str
    kind: str
    group: str
    labels: tuple[str, ...]
    queries: tuple[str, ...]
    topic: str | None

    def described(self) -> dict[str, Any]:
        """What a result says of it."""
        return {
            "title": self.title,
            "source": self.source,
            "licence": self.licence,
            "sha256": self.sha256,
            "kind": self.kind,
            "labels": list(self.labels),
        }


@dataclass(frozen=True, slots=True)
class Manifest:
    """The films, and the topics that classification by words of one's own is tried with."""

    films: tuple[Film, ...]
    topics: tuple[str, ...]


def read(manifest: Path, folder: Path | None = None) -> Manifest:
    """Read a manifest; the paths in it are relative to `folder`, by default to the manifest's own.

    Raises:
        ValueError: a film of an unknown kind, or two of one name.
    """
    found = json.loads(manifest.read_text(encoding="utf-8"))
    films = []
    for entry in found["films"]:
        path = (folder or manifest.parent) / entry["path"]
        if entry["kind"] not in KINDS:
            raise ValueError(f"{path.name}: kind {entry['kind']!r}, allowed: {', '.join(KINDS)}")
        films.append(
            Film(
                name=path.name,
                path=path,
                title=entry["title"],
                source=entry["source"],
                licence=entry["licence"],
                sha256=entry["sha256"],
                kind=entry["kind"],
                group=entry.get("group", path.name),
                labels=tuple(entry.get("labels", ())),
                queries=tuple(entry.get("queries", ())),
                topic=entry.get("topic"),
            )
        )
    if len({film.name for film in films}) != len(films):
        raise ValueError("two films have the same file name")
    return Manifest(tuple(films), tuple(found.get("topics", ())))


def check(film: Film) -> None:
    """Refuse a file that is not the one the labels were given to."""
    digest = hashlib.sha256(film.path.read_bytes()).hexdigest()
    if digest != film.sha256:
        raise ValueError(f"{film.path}: sha256 {digest}, the manifest says {film.sha256}")
