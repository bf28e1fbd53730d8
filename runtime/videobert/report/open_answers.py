"""Answers that the model leaves open: said calmly, since on film of all kinds there are many of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videobert.results.candidate import Candidate

UNSURE = "unsure"
UNSURE_MEANS = "the model does not know what is seen there well enough, so it leaves the answer open"


def first_guess(best: Candidate) -> str:
    """The answer that the model would give: `playing cricket 0.70`."""
    return f"{best.text} {best.score:.2f}"


def unsure_with_guess(best: Candidate) -> str:
    """An open answer where there is room for the guess: `unsure (playing cricket 0.70)`."""
    return f"{UNSURE} ({first_guess(best)})"


def unsure_of(best: Candidate) -> str:
    """The same where the guess's score stands elsewhere: `unsure (playing cricket)`."""
    return f"{UNSURE} ({best.text})"
