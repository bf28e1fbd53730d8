"""The `config.json` that Hugging Face puts beside a network's weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from videobert.base.arguments import as_whole
from videobert.base.errors import ModelError

_CONFIG_BYTES = 2**20
_Number = TypeVar("_Number", int, float)
_OTHER = "Put the config.json that belongs to these weights beside them."


def config_beside(weights: Path, network: str, allowed: Mapping[str, str]) -> dict[str, Any]:
    """The fields of the `config.json` beside a weights file; none if there is no such file.

    Args:
        network: what is expected, for the error.
        allowed: the one value that a field may have, where it is there.

    Raises:
        ModelError: it is damaged, or describes another network.
    """
    path = weights.parent / "config.json"
    if not path.is_file():
        return {}
    try:
        if path.stat().st_size > _CONFIG_BYTES:
            raise ValueError(f"larger than {_CONFIG_BYTES} bytes")
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict):
            raise ValueError("not an object")
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError("the config.json beside the weights cannot be read", seen=str(error)) from error
    for name, value in allowed.items():
        if fields.get(name, value) != value:
            raise ModelError(f"this is not a plain {network}: {name}", seen=fields[name], allowed=value)
    return fields


def stated(fields: Mapping[str, Any], name: str, read: Callable[[object], _Number | None], usual: _Number) -> _Number:
    """A number of `config.json`, or the usual one where it says nothing."""
    if name not in fields:
        return usual
    number = read(fields[name])
    if number is None:
        raise ModelError(
            f"config.json: {name} is not a number",
            seen=fields[name],
            fix="Correct it in the config.json beside the weights.",
        )
    return number


def check_sizes(fields: Mapping[str, Any], found: Mapping[str, int]) -> None:
    """Whether `config.json` says of the sizes what the weights show.

    Raises:
        ModelError: one differs; a network that lost a layer, or the configuration of another one.
    """
    for name, size in found.items():
        said = stated(fields, name, as_whole, size)
        if said != size:
            raise ModelError(
                f"config.json does not describe these weights: {name}", seen=said, allowed=size, fix=_OTHER
            )
