"""Results as what JSON can hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

import numpy as np

from videobert.base.arguments import described
from videobert.base.errors import UsageError, VideoBertError
from videobert.base.printable import shown

# Pictures, and arrays that go into files of their own.
_LEFT_OUT = ("thumbnail", "stills", "arrays")
_LONGEST_SHOWN = 300
# Said only of models that have such parts.
_ABSENT_IF_EMPTY = "untrained"
# Of a field that is for showing alone: other verbs tell it.
NOT_IN_JSON: Mapping[str, bool] = MappingProxyType({"not_in_json": True})
# Of a field that only some models fill: the answers of others keep the fields that they had.
LEFT_OUT_IF_NONE: Mapping[str, bool] = MappingProxyType({"left_out_if_none": True})
# Of a field that warns of something.
LEFT_OUT_IF_FALSE: Mapping[str, bool] = MappingProxyType({"left_out_if_false": True})
# Of a field that is filled on request alone.
LEFT_OUT_IF_EMPTY: Mapping[str, bool] = MappingProxyType({"left_out_if_empty": True})


def to_json(value: Any) -> Any:
    """Plain JSON values of a result: dataclasses become objects, arrays lists, paths text.

    Pictures, and the arrays of a check, are left out, and so are untrained parts where there are none. An error becomes
    an object of its fields, as the command line gives it.

    A field that holds a fraction becomes a number, and beside it `…_exact`, the fraction as text. Numbers that are not
    finite stay what they are.

    Raises:
        UsageError: it holds something that JSON has no form for, or is nested too deep.
    """
    try:
        return _plain(value)
    except RecursionError as error:
        raise UsageError(
            "this is nested too deep for JSON", seen=described(value), fix="Pass what a verb of `Runtime` returned."
        ) from error


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in _LEFT_OUT and not _says_nothing(value, f)]
        exact = {f"{name}_exact": str(v) for name in names if isinstance(v := getattr(value, name), Fraction)}
        return {name: _plain(getattr(value, name)) for name in names} | exact
    if value is None or isinstance(value, (str, bool, int, float)):
        # numpy's float64 and texts are kinds of float and str.
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return float(value) if value.dtype.kind == "f" else value.item()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, VideoBertError):
        return _error(value)
    raise UsageError(
        "JSON has no form for this",
        seen=described(value),
        allowed="results, numbers, texts, lists, dicts and arrays of them",
        fix="Pass what a verb of `Runtime` returned.",
    )


def _error(error: VideoBertError) -> dict[str, Any]:
    """The fields that the command line has of it."""
    told = {"what": error.what, "seen": error.seen, "allowed": error.allowed, "fix": error.fix}
    texts = {name: None if value is None else shown(value, _LONGEST_SHOWN) for name, value in told.items()}
    return {"type": type(error).__name__, **texts, "exit_code": error.exit_code}


def _says_nothing(value: Any, field: dataclasses.Field[Any]) -> bool:
    said = getattr(value, field.name)
    return (
        bool(field.metadata.get("not_in_json"))
        or (bool(field.metadata.get("left_out_if_none")) and said is None)
        or (bool(field.metadata.get("left_out_if_false")) and said is False)
        or (bool(field.metadata.get("left_out_if_empty")) and said in ((), {}))
        or (field.name == _ABSENT_IF_EMPTY and said == ())
    )
