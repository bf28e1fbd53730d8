"""Every case and its peers, in the order in which they are run: cheap ones first, for want of time costs the last.

The set of `make bench` has every kind of peer and every model, and ends within its minutes. The whole has more rows of
the large models, each of which takes long to be made ready, compiled by torch or timed.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from benchmarks.peers import films, neighbours, networks, sentences, stacks
from benchmarks.peers.case import Case
from benchmarks.peers.films import FILMS
from videobert.model.recipe import Recipe

_SHAPES = Recipe()
_PAPER = Recipe(short_side=224, crop=224)
# By case/peer, what only the whole has.
ONLY_IN_THE_WHOLE: Final = (
    "encoder/paper/*compile*",
    "backbone/everyday/*compile*",
    "backbone/paper/*compile*",
    "backbone/everyday/eight/*",
    "backbone/paper/eight/*",
    "tokens/everyday/OpenCV*",
    "tokens/everyday/*compile*",
    "tokens/everyday/int8/*bf16*",
    "features/paper/PyAV*",
    "features/paper/OpenCV*",
    "features/paper/int8/*",
    "features/paper/272p/int8/*bf16*",
)


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


def pairs(patterns: Sequence[str] = (), *, whole: bool = False) -> list[tuple[Case, str]]:
    """Cases with one peer each.

    Args:
        patterns: those of the whole whose `case/peer` fits one; of none, see `whole`.
        whole: all there are, where the set of `make bench` would do.

    Raises:
        ValueError: a pattern fits nothing.
    """
    every = [(case, peer) for case in every_case() for peer in case.peers]
    names = [f"{case.name}/{peer}" for case, peer in every]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"no case fits {pattern!r}; there are {', '.join(case.name for case in every_case())}")
    if patterns:
        return [pair for pair, name in zip(every, names, strict=True) if _fits(name, patterns)]
    return [pair for pair, name in zip(every, names, strict=True) if whole or not _fits(name, ONLY_IN_THE_WHOLE)]


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
