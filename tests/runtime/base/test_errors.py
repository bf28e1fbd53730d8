"""Errors keep what they say on the way to another process and back."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from videobert.base import errors
from videobert.base.errors import BuildError, InputError, UsageError, VideoBertError


def tree(base: type[VideoBertError] = VideoBertError) -> Iterator[type[VideoBertError]]:
    """Every class of the tree that is part of the package; tests may have made others."""
    if base.__module__ == errors.__name__:
        yield base
    for kind in base.__subclasses__():
        yield from tree(kind)


def pickled(error: VideoBertError) -> Any:
    return pickle.loads(pickle.dumps(error))


WAYS: dict[str, Callable[[VideoBertError], Any]] = {"pickle": pickled, "copy": copy.copy, "deepcopy": copy.deepcopy}


def everything(error: VideoBertError) -> dict[str, Any]:
    return {"type": type(error), "text": str(error), "repr": repr(error), "args": error.args, **error.__dict__}


@pytest.mark.parametrize("kind", list(tree()), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "fields",
    [{}, {"seen": 7, "allowed": "1 to 5", "fix": "Use stride=5.", "fix_cli": "Use --stride 5."}, {"fix": "Wait."}],
    ids=["what", "all", "fix"],
)
def test_an_error_comes_back_as_it_was(kind: type[VideoBertError], way: str, fields: dict[str, Any]) -> None:
    error = kind("the stride is off", **fields)
    error.add_note("seen on the way")
    back = WAYS[way](WAYS[way](error))
    assert everything(back) == everything(error)
    assert ".." not in str(back)


def test_the_message_for_a_command_line_has_its_own_next_step() -> None:
    error = UsageError("the stride is off", seen=7, fix="Use stride=5.", fix_cli="Use --stride 5.")
    assert str(error) == "the stride is off; got 7. Use stride=5."
    assert error.for_cli == "the stride is off; got 7. Use --stride 5."
    assert UsageError("no", fix="Wait.").for_cli == "no. Wait."


@pytest.mark.parametrize("way", WAYS)
def test_the_log_of_a_build_comes_back(way: str) -> None:
    error = BuildError("the engine could not be built", fix="Read the log.")
    error.log = "first line\nlast line"
    assert WAYS[way](error).log == error.log


@pytest.mark.parametrize("value", [Path("a/b"), Fraction(1, 3), np.float32(0.5), (1, [2, "x"]), b"x", range(3), 1e300])
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert pickled(InputError("no", seen=value, allowed=value)).seen == value


@pytest.mark.parametrize("value", [lambda: 0, (lambda: 0,), open, np.array([lambda: 0], object)], ids=type)
def test_an_error_about_what_no_pickle_holds_is_told_all_the_same(value: Any) -> None:
    error = UsageError("context_clips is out of range", seen=value, fix="0 judges each clip by itself.")
    back = pickled(error)
    assert str(back) == str(error)
    assert error.seen is value


def test_an_undecodable_byte_of_a_name_is_written_as_that_byte() -> None:
    name = "caf\udce9.mp4"
    for seen in (name, Path(name), f"there is none: {name!r}", [name]):
        assert "caf\\xe9.mp4" in str(InputError("no such file", seen=seen))
