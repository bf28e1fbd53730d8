"""Lists of labels, one a line: those that come with the package, and a user's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from videobert.base.errors import ModelError

_DATA = Path(__file__).with_name("data")
_MOST_BYTES = 1 << 20


@cache
def kinetics400() -> tuple[str, ...]:
    """The classes of Kinetics-400 in the order of DeepMind's checkpoints."""
    return read_labels(_DATA / "kinetics400.txt")


@cache
def imagenet1k() -> tuple[str, ...]:
    """The classes of ImageNet-1k in the order of their WordNet numbers, in which classifiers have them."""
    return read_labels(_DATA / "imagenet1k.txt")


def read_labels(path: Path) -> tuple[str, ...]:
    """The labels in a text file (UTF-8), one a line, without spaces around them.

    Raises:
        ModelError: it cannot be read, is empty or too large, or a line is empty or stands there twice.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ModelError(
                f"the labels in {path.name} are too many", allowed=f"{_MOST_BYTES} bytes", fix="Check the file."
            )
        lines = content.decode("utf-8").rstrip().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"the labels in {path.name} cannot be read", seen=str(error), fix="Check the file.") from error
    labels = tuple(line.strip() for line in lines)
    seen: set[str] = set()
    for number, label in enumerate(labels, start=1):
        if not label or label in seen:
            raise ModelError(
                f"line {number} of {path.name} is {'a label for the second time' if label else 'empty'}",
                seen=label or None,
                fix="Write each label once, on a line of its own.",
            )
        seen.add(label)
    return labels
