"""Every case and its peers, in the order in which they are run: cheap ones first, for want of time costs the last."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from benchmarks.peers import films, neighbours, networks, sentences, stacks
from benchmarks.peers.case import Case
from benchmarks.peers.films import FILMS
from videobert.model.recipe import Recipe

_SHAPES = Recipe()
_PAPER = Recipe(short_side=224, crop=224)


def every_case() -> list[Case]:
    """All there are."""
    of_model = {"shapes": FILMS["480p"], "everyday": FILMS["720p"], "paper": FILMS["720p"]}
    return [
        *films.cases([("480p", "112", _SHAPES), ("720p", "224", _PAPER)]),
        *sentences.cases(),
        *neighbours.cases(),
        *networks.cases(of_model),
        *stacks.cases(),
    ]


def pairs(patterns: Sequence[str] = ()) -> list[tuple[Case, str]]:
    """Cases with one peer each; of those whose `case/peer` fits a pattern.

    Raises:
        ValueError: a pattern fits nothing.
    """
    every = [(case, peer) for case in every_case() for peer in case.peers]
    names = {(case.name, peer): f"{case.name}/{peer}" for case, peer in every}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names.values()):
            raise ValueError(f"no case fits {pattern!r}; there are {', '.join(case.name for case in every_case())}")
    if not patterns:
        return every
    return [
        (case, peer)
        for case, peer in every
        if any(fnmatchcase(names[case.name, peer], pattern) for pattern in patterns)
    ]
