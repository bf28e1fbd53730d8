"""What `each` gives for one of several videos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from videobert.base.errors import VideoBertError

Answer = TypeVar("Answer")


@dataclass(frozen=True, kw_only=True)
class Each(Generic[Answer]):
    """One of several videos, with its answer or what is wrong with it.

    Args:
        source: its path, or a word for other kinds of video, such as `"frames"`.
        answer: what was asked; None where there is an error.
        error: why this video cannot be used; None where there is an answer.
    """

    source: str
    answer: Answer | None = None
    error: VideoBertError | None = None

    def result(self) -> Answer:
        """The answer.

        Raises:
            VideoBertError: the video's error, in place of an answer.
        """
        if self.error is not None:
            raise self.error
        # None is an answer too, if that is what was given.
        return self.answer  # type: ignore[return-value]
