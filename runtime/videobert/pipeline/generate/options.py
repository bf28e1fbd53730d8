"""How sentences are searched for."""

from __future__ import annotations

from dataclasses import dataclass

from videobert.base.arguments import number
from videobert.base.errors import UsageError

MOST_BEAMS = 64
_CHOOSE = "Choose another."


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is asked of a search; a length counts what follows the prefix, and the word that ends a sentence too.

    Args:
        beams: sentences that are followed at a time; 1 takes the likeliest word each time.
        most: the longest sentence.
        least: words that stand before the one that ends a sentence.
        length_penalty: a sentence's score is the sum of its log-probabilities over its length to this power: above 0
            it favours long ones.
        no_repeat: so many words in a row occur once in a sentence, its prefix included; 0 lets all be repeated.
        force_end: whether a sentence that reaches `most` ends there with its last word, as one does in training; if
            not, it is cut. What is forced costs nothing.
        stop_early: whether a window is done as soon as it has `beams` sentences.
    """

    beams: int = 5
    most: int = 32
    least: int = 0
    length_penalty: float = 1.0
    no_repeat: int = 0
    force_end: bool = True
    stop_early: bool = False

    def check(self, positions: int, prefix: int) -> None:
        """Refuse what cannot be searched for.

        Args:
            positions: of the decoder.
            prefix: words that every sentence begins with, the first of all among them.

        Raises:
            UsageError: a number is out of range, or a sentence would not fit the decoder.
        """
        whole = {
            "beams": (self.beams, 1, MOST_BEAMS),
            "most": (self.most, 1, positions + 1 - prefix),
            "least": (self.least, 0, self.most - 1),
            "no_repeat": (self.no_repeat, 0, positions),
        }
        for name, (value, fewest, top) in whole.items():
            if type(value) is not int or not fewest <= value <= top:
                raise UsageError(f"{name} is out of range", seen=value, allowed=f"{fewest} to {top}", fix=_CHOOSE)
        number("length_penalty", self.length_penalty, least=-100, most=100, allowed="-100 to 100", fix=_CHOOSE)
