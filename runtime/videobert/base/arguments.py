"""A caller's arguments: what can be meant by a value is taken, the rest is an error that names the argument."""

from __future__ import annotations

import math
import operator
import os
from collections.abc import Callable, Iterable
from itertools import islice
from numbers import Real
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError, UsageError

_T = TypeVar("_T")
# Above any list of labels; an endless iterator ends here.
MOST_TEXTS = 100_000
# Above the tracks of any file.
MOST_TRACKS = 65_536


def whole(
    name: str,
    value: object,
    *,
    least: int,
    most: float = math.inf,
    allowed: str,
    fix: str,
    fix_cli: str | None = None,
    error: type[InputError] = UsageError,
) -> int:
    """A whole number from `least` to `most`: an int or what stands for one, such as numpy's; True is none."""
    number = as_whole(value)
    if number is None or not least <= number <= most:
        raise error(f"{name} is out of range", seen=value, allowed=allowed, fix=fix, fix_cli=fix_cli)
    return number


def number(
    name: str, value: object, *, least: float, most: float, allowed: str, fix: str, fix_cli: str | None = None
) -> float:
    """A real number from `least` to `most`, infinity among them if `most` is; NaN and True are none."""
    found = as_number(value)
    # A comparison with NaN is never true.
    if found is None or not least <= found <= most:
        raise UsageError(f"{name} is out of range", seen=value, allowed=allowed, fix=fix, fix_cli=fix_cli)
    return found


def flag(name: str, value: object) -> bool:
    """True or False. Nothing else: a text such as "no" is true to Python."""
    if not isinstance(value, (bool, np.bool_)):
        raise UsageError(f"{name} is neither True nor False", seen=value, allowed="True or False", fix="Pass a bool.")
    return bool(value)


def one_of(what: str, value: object, allowed: Iterable[str], fix: str = "Use one of those.") -> str:
    """One of some names; `what` says in the error what it should have been a name of."""
    names = tuple(allowed)
    # The type first: what is compared with an array is neither true nor false.
    if not isinstance(value, str) or value not in names:
        raise UsageError(f"this {what} is not known", seen=value, allowed=", ".join(names), fix=fix)
    return value


def texts(name: str, values: object, *, example: str) -> tuple[str, ...]:
    """One text or more, from any iterable of them but a text itself."""
    found = items(name, values, most=MOST_TEXTS, of="texts", example=example)
    for position, text in enumerate(found):
        if not isinstance(text, str):
            raise UsageError(
                f"{name} must be a list of texts",
                seen=f"{described(text)} at position {position}",
                allowed="one text or more",
                fix=f"For example {example}.",
            )
    if not found:
        raise UsageError(
            f"{name} must be a list of texts", seen="none", allowed="one text or more", fix=f"For example {example}."
        )
    # numpy's texts are a kind of str; what is kept and shown is plain ones.
    return tuple(str.__str__(text) for text in found)


def items(name: str, values: object, *, most: int, of: str, example: str) -> tuple[Any, ...]:
    """What an iterable gives, read once and at most `most` of it; a text or bytes is one thing, not many."""
    try:
        if isinstance(values, (str, bytes, bytearray, memoryview)):
            raise TypeError("one thing, not many")
        found = tuple(islice(iter(values), most + 1))  # type: ignore[call-overload]  # what has no iterator raises
    except Exception as error:
        raise UsageError(
            f"{name} must be a list of {of}",
            seen=described(values) if isinstance(error, TypeError) else f"{described(values)}: {error!r}",
            allowed=f"a list, or anything else that gives {of} one after the other",
            fix=f"For example {example}.",
        ) from error
    if len(found) > most:
        raise UsageError(
            f"{name} has too many {of}", seen=f"more than {most}", allowed=f"at most {most}", fix="Ask for fewer."
        )
    return found


def local_path(name: str, value: object) -> Path:
    """A path, from a text or a `PathLike`; whether the system can have such a one is told when it is used.

    Raises:
        UsageError: it is neither.
    """
    try:
        if not isinstance(value, (str, os.PathLike)):
            raise TypeError("neither a text nor a path")
        return Path(os.fsdecode(value))
    except Exception as error:  # whatever a foreign `__fspath__` raises
        raise UsageError(
            f"{name} is no path",
            seen=described(value),
            allowed="a str or a pathlib.Path",
            fix="Pass the path as a str.",
        ) from error


def array(name: str, value: object, dtype: type[np.generic]) -> npt.NDArray[Any]:
    """A row of numbers as an array of `dtype`, from an array or a list; whole ones, or true and false, where it is."""
    kinds = {"i": "iu", "u": "iu", "b": "b"}.get(np.dtype(dtype).kind, "iuf")
    try:
        found = np.asarray(value)
        if found.size == 0:
            found = found.astype(dtype)
        fits = found.ndim == 1 and found.dtype.kind in kinds
        if fits and kinds == "iu" and found.size:
            bounds = np.iinfo(np.dtype(dtype))
            fits = bounds.min <= int(found.min()) and int(found.max()) <= bounds.max
    except Exception:  # rows of different lengths, or whatever a foreign `__array__` raises
        fits = False
    if not fits:
        wanted = {"iu": "whole numbers", "b": "true and false"}.get(kinds, "numbers")
        raise UsageError(
            f"{name} must be a row of {wanted}",
            seen=described(value),
            allowed=f"{np.dtype(dtype)} (n,)",
            fix="Pass a numpy array or a list.",
        )
    with np.errstate(over="ignore"):
        return found.astype(dtype, copy=False)


def instance(name: str, value: object, kind: type[_T], *, example: str) -> _T:
    """An object of one class."""
    if not isinstance(value, kind):
        raise UsageError(
            f"{name} is no {kind.__name__}",
            seen=described(value),
            allowed=f"a videobert.{kind.__name__}",
            fix=f"For example {example}.",
        )
    return value


def callback(name: str, value: Callable[..., Any] | None) -> None:
    """Refuse what is neither a function nor None."""
    if value is not None and not callable(value):
        raise UsageError(
            f"{name} cannot be called", seen=value, allowed="a function, or None", fix="Pass the function itself."
        )


def stop_signal(cancel: Event | None) -> None:
    """Refuse what is neither a `threading.Event`, or something with its `is_set`, nor None."""
    if cancel is not None and not callable(getattr(cancel, "is_set", None)):
        raise UsageError(
            "cancel is no event", seen=cancel, allowed="a threading.Event, or None", fix="Pass threading.Event()."
        )


def check_track(track: object) -> int | None:
    """The number of a video track, or None."""
    if track is None:
        return None
    allowed = f"the number of a video track, 0 to {MOST_TRACKS - 1}"
    return whole("track", track, least=0, most=MOST_TRACKS - 1, allowed=allowed, fix="Leave track out.")


def as_whole(value: object) -> int | None:
    """An int, or what stands for one, such as numpy's; None for anything else, True and False too."""
    if isinstance(value, (bool, np.bool_)):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # what has no index raises
    except Exception:  # whatever a foreign `__index__` raises
        return None


def as_number(value: object) -> float | None:
    """A real number of any kind, which may be NaN; None for anything else, True and False too."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf  # type: ignore[operator]  # the stubs leave it out
    except Exception:  # whatever a foreign `__float__` raises
        return None


def described(value: object) -> str:
    """A short name for a value that may be huge."""
    if value is None or isinstance(value, (bool, float, np.number)):
        return repr(value)
    if isinstance(value, int) and value.bit_length() <= 64:
        return repr(value)
    if isinstance(value, (str, bytes)):
        return repr(value[:80])
    if isinstance(value, np.ndarray):
        return f"numpy array {value.shape} of {value.dtype}"
    return type(value).__name__
