"""What an option or argument takes: how help writes it, and how a typed value is read or refused, in our own words."""

from __future__ import annotations

import difflib
import math
import operator
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any, Literal

from videobert.base.errors import UsageError

_WHOLE = re.compile(r"[+-]?[0-9]+")
_UNIONS = (typing.Union, types.UnionType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What one option or argument accepts.

    Args:
        metavar: the word that stands for its value in help; empty for a flag, which takes none.
        allowed: the values that are accepted, in words; None where every text is.
        in_help: the same as short as it goes.
        read: makes a value of what was typed, or raises `UsageError`; None where the parser's own reading serves.
    """

    metavar: str
    allowed: str | None = None
    in_help: str | None = None
    read: Callable[[Any], Any] | None = None


def accepted(kind: Any, *, name: str, verb: str, least: float | None, most: float | None) -> Accepted:
    """What a parameter of type `kind` takes.

    Args:
        kind: its annotation; a list is a parameter that may be repeated, and None a value that may be left out.
        name: as it is typed, `--stride` or `VIDEO`.
        verb: the command that it belongs to.
        least, most: bounds of a number, both included.
    """
    kind = _single(kind)
    refuse = partial(_refused, name, verb)
    if kind is bool:
        return Accepted(metavar="")
    if typing.get_origin(kind) is Literal:
        choices = tuple(str(choice) for choice in typing.get_args(kind))
        words = ", ".join(choices)
        return Accepted(metavar="NAME", allowed=words, in_help=words, read=partial(_choice, choices, refuse))
    if kind in (int, float):
        return _of_number(kind, (), least, most, refuse)
    if takes_words(kind):
        number, words = typing.get_args(kind)
        return _of_number(number, typing.get_args(words), least, most, refuse)
    if kind is Path:
        return Accepted(metavar="PATH", read=partial(_path, refuse))
    return Accepted(metavar="TEXT")


def see_help(command: str) -> str:
    """The next step where nothing better is known."""
    return f"`{command} --help` shows what can be given."


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """`Did you mean …? ` with the known word that a misspelt one is closest to, or nothing."""
    found = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean `{found[0]}`? " if found else ""


def takes_words(kind: Any) -> bool:
    """Whether a parameter takes a number, or one of some words instead: `int | Literal["all"]`."""
    kind = _single(kind)
    kinds = typing.get_args(kind) if typing.get_origin(kind) in _UNIONS else ()
    return len(kinds) == 2 and kinds[0] in (int, float) and typing.get_origin(kinds[1]) is Literal


def _single(kind: Any) -> Any:
    """The type of one value: without None, and of a list its items'."""
    if typing.get_origin(kind) in _UNIONS:
        kind = reduce(operator.or_, (each for each in typing.get_args(kind) if each is not type(None)))
    return typing.get_args(kind)[0] if typing.get_origin(kind) is list else kind


def _choice(choices: tuple[str, ...], refuse: Callable[..., UsageError], typed: Any) -> Any:
    if typed not in choices:
        raise refuse("is not one of its choices", typed, ", ".join(choices), nearest(str(typed), choices))
    return typed


def _of_number(
    kind: Any, words: tuple[str, ...], least: float | None, most: float | None, refuse: Callable[..., UsageError]
) -> Accepted:
    bounds = (-math.inf if least is None else least, math.inf if most is None else most)
    span = "" if least is None else f"{least:g} or more" if most is None else f"{least:g} to {most:g}"
    beside = "".join(f", or {word}" for word in words)
    allowed = ("a whole number" if kind is int else "a number") + (f", {span}" if span else "") + beside
    return Accepted(
        metavar="|".join(("N", *words)),
        allowed=allowed,
        in_help=f"{span}{beside}" if span else None,
        read=partial(_number, kind, bounds, words, allowed, refuse),
    )


def _number(
    kind: type,
    bounds: tuple[float, float],
    words: tuple[str, ...],
    allowed: str,
    refuse: Callable[..., UsageError],
    typed: Any,
) -> float | int | str:
    if typed in words:
        return str(typed)
    if isinstance(typed, str) and kind is int and not _WHOLE.fullmatch(typed.strip()):
        raise refuse("is not a whole number", typed, allowed)
    try:
        number: float | int = kind(typed)
    except (ValueError, OverflowError):
        # Of a whole number Python reads 4300 digits.
        what = "is out of range" if kind is int and isinstance(typed, str) else "is not a number"
        raise refuse(what, typed, allowed) from None
    if not bounds[0] <= number <= bounds[1]:  # nor is NaN
        raise refuse("is out of range", typed, allowed)
    return number


def _path(refuse: Callable[..., UsageError], typed: Any) -> Path:
    if typed == "":
        raise refuse("is empty", typed, "a path")
    return Path(typed)


def _refused(name: str, verb: str, what: str, seen: object, allowed: str, hint: str = "") -> UsageError:
    seen = "an empty text" if seen == "" else seen
    return UsageError(f"{name} {what}", seen=seen, allowed=allowed, fix=hint + see_help(f"videobert {verb}"))
