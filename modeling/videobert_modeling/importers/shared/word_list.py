"""A list of words beside a checkpoint whose table of words has one row for each, in order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from videobert.base.errors import LimitExceeded, ModelError
from videobert_modeling.importers.shared.checkpoint import open_array

_FILE_BYTES = 64 * 2**20
_MOST_WORDS = 1_000_000
# What numpy would have to unpickle is never read: the user writes the words out, where the file can be trusted.
_CONVERT = (
    "Where you trust the file, write its words out yourself: python -c \"import numpy; print(*numpy.load('{name}', "
    "allow_pickle=True), sep='\\n')\" > {stem}.txt, and pass {stem}.txt."
)


def read_word_list(path: Path) -> list[str]:
    r"""The words in a file, in order.

    Args:
        path: `.npy`, an array of text without Python objects; `.json`, a list of texts; or else UTF-8, a word a line,
            where only `\n` and `\r\n` end one.

    Raises:
        ModelError: it is missing, damaged, holds Python objects, or anything but words.
        LimitExceeded: it is too large.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError("the list of words does not exist", seen=str(path), fix="Check the path.")
    if path.stat().st_size > _FILE_BYTES:
        raise LimitExceeded(f"{path.name} is too large (bytes)", seen=path.stat().st_size, allowed=_FILE_BYTES)
    read = {".npy": _from_array, ".json": _from_json}.get(path.suffix.lower(), _from_lines)
    try:
        words = read(path)
    except (ModelError, LimitExceeded):
        raise
    except Exception as error:  # parsers of damaged bytes raise anything
        raise ModelError(
            f"the list of words {path.name} cannot be read",
            seen=f"{type(error).__name__}: {error}",
            fix="Get a whole copy of it.",
        ) from error
    _check_count(path, len(words))
    # Half of a character, which JSON and arrays can hold, and no file of text.
    broken = next((word for word in words if not _is_text(word)), None)
    if broken is not None:
        raise ModelError(f"{path.name} holds a word that is no text", seen=ascii(broken), fix="Correct it in the file.")
    return words


def _check_count(path: Path, count: int) -> None:
    if not 0 < count <= _MOST_WORDS:
        raise ModelError(f"{path.name} does not hold a list of words", seen=f"{count} words", allowed=_MOST_WORDS)


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_array(path: Path) -> list[str]:
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ModelError(
            f"{path.name} holds Python objects, which numpy would unpickle: such a file can run code",
            seen=f"{dtype} {shape}",
            allowed="an array of text, or a text file with a word a line",
            fix=_CONVERT.format(name=path, stem=path.stem),
        )
    if dtype.kind not in "US" or len(shape) != 1:
        raise ModelError(
            f"{path.name} does not hold a list of words", seen=f"{dtype} {shape}", allowed="text of one dimension"
        )
    # Words without letters take no room in a file, so that its size limits nothing.
    _check_count(path, shape[0])
    words = open_array(path)
    return [word.decode("utf-8") if isinstance(word, bytes) else str(word) for word in words.tolist()]


def _from_json(path: Path) -> list[str]:
    words = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ModelError(f"{path.name} does not hold a list of words", allowed="a list of texts")
    return words


def _from_lines(path: Path) -> list[str]:
    lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    return [line.removesuffix("\r") for line in lines]
