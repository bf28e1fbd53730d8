"""The labelled films of a trial: a JSON manifest beside nothing else, read and checked.

A film is `{"path", "title", "source", "licence", "sha256", "kind"}` and, as they apply, `"group"` (films of one scene,
which a query may find either of), `"labels"` (the actions that count as right) and `"queries"` (free English that
should find it). `kind` is `action` (its action is among the labels of the model), `other` (it shows none of them) or
`near` (an action beside them, or several: decoded, not counted).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
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
    """The films, and the label sets that zero-shot classification is tried with."""

    films: tuple[Film, ...]
    label_sets: dict[str, dict[str, list[str]]]

    def of(self, *kinds: str) -> Iterator[Film]:
        """The films of these kinds."""
        return (film for film in self.films if film.kind in kinds)


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
            )
        )
    if len({film.name for film in films}) != len(films):
        raise ValueError("two films have the same file name")
    return Manifest(tuple(films), found.get("label_sets", {}))


def check(film: Film) -> None:
    """Refuse a file that is not the one the labels were given to."""
    digest = hashlib.sha256(film.path.read_bytes()).hexdigest()
    if digest != film.sha256:
        raise ValueError(f"{film.path}: sha256 {digest}, the manifest says {film.sha256}")
