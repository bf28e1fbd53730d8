"""A labelled stretch of a video, and what may be the name of a question or a label."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_LABEL_CHARS = 128
# A question's name is part of the name of a stage, and of that of a file.
_QUESTION = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
QUESTION_RULE = "a small letter, then small letters, digits and _, at most 64 in all"
LABEL_RULE = f"a printable text of 1 to {MOST_LABEL_CHARS} characters, without space at its ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of a video and the right answers about it.

    Args:
        video: path of the file.
        name: the same as the user wrote it.
        start_s, end_s: bounds in seconds of presentation time; None is the video's own start or end.
        labels: the right label of each question that was answered.
        where: where the user wrote it, such as `line 3`.
    """

    video: Path
    name: str
    start_s: float | None = None
    end_s: float | None = None
    labels: Mapping[str, str]
    where: str

    def holds(self, time_s: float) -> bool:
        """Whether a moment lies in it; its start does, its end does not."""
        return (self.start_s is None or self.start_s <= time_s) and (self.end_s is None or time_s < self.end_s)


def is_question(name: object) -> bool:
    """Whether a question may be called so."""
    return isinstance(name, str) and _QUESTION.match(name) is not None


def is_label(text: object) -> bool:
    """Whether a text may be a label."""
    return isinstance(text, str) and 0 < len(text) <= MOST_LABEL_CHARS and text.isprintable() and text == text.strip()


def question_of(text: str) -> str:
    """The nearest name of a question to any text; empty if nothing of it is left."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    return re.sub(r"\A[0-9_]+", "", name)[:64].rstrip("_")
