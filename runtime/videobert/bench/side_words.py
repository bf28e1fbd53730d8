"""What is compared, as it is typed: `shapes:bf16`, `my-model:torch:fp32:cuda`, or a file that a verb saved."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from videobert.base.errors import UsageError
from videobert.engines.selection import DEVICES, ENGINES
from videobert.model.precision import PRECISIONS

# `auto` is what is meant where nothing is said, and would not tell of what it is.
WORDS: Final[Mapping[str, str]] = {
    **{name: "engine" for name in ENGINES[1:]},
    **{name: "precision" for name in PRECISIONS[1:]},
    **{name: "device" for name in DEVICES[1:]},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSide:
    """One side.

    Args:
        name: as it was given.
        model: a model's name or folder; None where `saved` is a file.
        options: of `videobert.load`: engine, precision, device.
        saved: a file that `bench`, `run` or `tokens` wrote.
    """

    name: str
    model: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    saved: Path | None = None


def parse_side(text: str | Path) -> AskedSide:
    """A side: a file, a model, or a model with words behind colons.

    What stands whole on the disk is that, whatever colons are in its name.

    Raises:
        UsageError: a word that is not known, or two of one kind.
    """
    name = os.fspath(text)
    if os.path.isfile(name):
        return AskedSide(name=name, saved=Path(name))
    if os.path.isdir(name):
        return AskedSide(name=name, model=name)
    model, *words = name.split(":")
    if not model:
        raise _no_side(name)
    options: dict[str, str] = {}
    for word in words:
        kind = WORDS.get(word)
        if kind is None:
            raise _no_side(name)
        if kind in options:
            raise UsageError(
                f"this side has two words for its {kind}", seen=name, allowed="one of each kind", fix="Leave one out."
            )
        options[kind] = word
    return AskedSide(name=name, model=model, options=options)


def _no_side(name: str) -> UsageError:
    return UsageError(
        "this is no side of a comparison",
        seen=name,
        allowed=f"a model, `MODEL:WORD` with {', '.join(WORDS)}, or a saved result",
        fix="For example: videobert compare shapes:fp32 shapes:bf16.",
    )
