"""What a search tells of as it goes."""

from __future__ import annotations

from dataclasses import dataclass

from videobert.pipeline.generate.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Grew:
    """The best sentence of a window begins with more words than were told, whatever is still to come.

    With one beam that is every word at once. With several it is what all sentences that could still be the best have
    in common, so words come late, and some only with `Found`.

    Args:
        window: its place among those that were asked for.
        ids: the words that are new.
    """

    window: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A window is done.

    Args:
        window: its place among those that were asked for.
        sentences: best first; none only where no word was allowed.
    """

    window: int
    sentences: tuple[Sentence, ...]


Event = Grew | Found
