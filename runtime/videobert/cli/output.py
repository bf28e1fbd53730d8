"""Data on stdout, and a look at where files shall go."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from videobert import results
from videobert.errors import UsageError
from videobert.report.safe_text import printable


def print_json(value: Any) -> None:
    """One strict JSON object on one line of stdout: no NaN, no infinity (both become null), ASCII only."""
    print(json.dumps(_strict(results.to_json(value)), allow_nan=False))


def print_text(text: str) -> None:
    """Lines on stdout; control characters, and those that the terminal's encoding lacks, are shown in their place."""
    for line in text.splitlines():
        print(_encodable(printable(line)))


def print_row(*columns: object) -> None:
    """One line of columns with tabs between them."""
    print(_encodable("\t".join(printable(str(column)) for column in columns)))


def _encodable(line: str) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return line.encode(encoding, "replace").decode(encoding)


def check_writable(path: Path | None, option: str) -> None:
    """Refuses an output path that cannot be written, before any work is done for it.

    Raises:
        UsageError: the folder does not exist or may not be written to, or the path is a folder or no name for a file.
    """
    if path is None:
        return
    folder = path.absolute().parent
    try:
        os.stat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{option} cannot be written: {reason}", seen=str(path), fix="Choose another name.") from error
    if os.path.isdir(path):
        raise UsageError(f"{option} is a folder", seen=str(path), fix="Give the name of a file in it.")
    if not os.path.isdir(folder):
        raise UsageError(f"the folder of {option} does not exist", seen=str(folder), fix="Make the folder first.")
    if not os.access(folder, os.W_OK):
        raise UsageError(
            f"the folder of {option} may not be written to", seen=str(folder), fix="Choose another folder."
        )


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {_strict(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str):
        # Undecodable bytes of a file name are lone surrogates in Python and not valid in JSON.
        return value.encode("utf-8", "replace").decode("utf-8")
    return value
