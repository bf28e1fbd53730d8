"""What the vectors of an index are of: two indexes with one identity can be searched with one query."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videobert.base.errors import InputError, MismatchError
from videobert.index.index_format import HEAD, MOST_WIDTH, VERSION, damaged
from videobert.index.plain_file import open_plain

# Far more than what it holds.
_MOST_BYTES = 65_536
_KIND = "videobert index"
_WORDS = {
    "weights": "weights {}",
    "recipe": "recipe {}",
    "stride": "stride {}",
    "width": "vectors of {} values",
    "feature_width": "features of {} values",
    "unit": "vectors of length one: {:d}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexIdentity:
    """What made the vectors of an index.

    Args:
        model, weights, recipe, stride: see `Origin`.
        width: values of a vector.
        feature_width: values of a clip's feature; 0 where none are kept.
        unit: whether vectors have length one, so that a dot product is a cosine.
    """

    model: str
    weights: str
    recipe: str
    stride: int
    width: int
    feature_width: int
    unit: bool

    def check(self, wanted: IndexIdentity, folder: Path) -> None:
        """Refuses an index of another model or recipe.

        Raises:
            MismatchError: it is one.
        """
        if self == wanted:
            return
        other = [f.name for f in dataclasses.fields(self) if getattr(self, f.name) != getattr(wanted, f.name)]
        raise MismatchError(
            "this index was made by another model or recipe",
            seen=f"{folder}, {self._said(other)}",
            allowed=wanted._said(other),
            fix="Use the model that made the index, or index the videos into a new folder with this one.",
        )

    def _said(self, names: list[str]) -> str:
        # Of another model all the rest differs too, and says no more.
        told = [] if "model" in names else [_WORDS[name].format(getattr(self, name)) for name in names]
        return ", ".join([f"model {self.model}", *told])


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The content of `index.json`."""

    identity: IndexIdentity
    generation: int

    def content(self) -> bytes:
        """As it is written."""
        fields = {"kind": _KIND, "version": VERSION, "generation": self.generation}
        return json.dumps(fields | dataclasses.asdict(self.identity), indent=1).encode() + b"\n"


def read_head(folder: Path) -> Head:
    """The head of an index.

    Raises:
        InputError: there is no index, or one of a newer version.
        ModelError: it is damaged.
    """
    try:
        with open_plain(folder / HEAD, folder) as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(
            "there is no index here",
            seen=folder,
            fix="Make one with `Runtime.index(videos, out)`.",
            fix_cli="Make one with `videobert index FOLDER --out INDEX`.",
        ) from error
    try:
        fields = json.loads(content) if len(content) <= _MOST_BYTES else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or fields.get("kind") != _KIND:
        raise damaged(folder, f"{HEAD} does not say what it is")
    if fields.get("version") != VERSION:
        raise InputError(
            "this index is of another version",
            seen=fields.get("version"),
            allowed=VERSION,
            fix="Use the videobert that made it, or index the videos again.",
        )
    generation, identity = fields.get("generation"), _identity(fields)
    if type(generation) is not int or not 1 <= generation < 1 << 32 or identity is None:
        raise damaged(folder, f"{HEAD} lacks fields or has wrong ones")
    return Head(identity=identity, generation=generation)


def _identity(fields: dict[str, Any]) -> IndexIdentity | None:
    kinds = {"str": str, "int": int, "bool": bool}
    found = {f.name: fields.get(f.name) for f in dataclasses.fields(IndexIdentity)}
    # Exactly: True is an int to Python.
    if any(type(found[f.name]) is not kinds[str(f.type)] for f in dataclasses.fields(IndexIdentity)):
        return None
    identity = IndexIdentity(**found)  # type: ignore[arg-type]  # checked above
    fits = 1 <= identity.width <= MOST_WIDTH and 0 <= identity.feature_width <= MOST_WIDTH and identity.stride >= 1
    return identity if fits else None
