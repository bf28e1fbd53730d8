"""Equal sequences encoded once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from threading import Event

from videobert.families.family import Asked, States

Encode = Callable[[Iterable[Asked], "Event | None"], Iterator[States]]


def distinct_states(encode: Encode, asked: Sequence[Asked], cancel: Event | None = None) -> Iterator[States]:
    """As `Joint.states`, but equal sequences, such as a picture that stands still gives, are encoded once.

    Args:
        encode: that method of a family.
    """
    distinct: dict[tuple[int, bytes, tuple[int, ...]], int] = {}
    places, first = [], []
    for sequence, positions in asked:
        key = (sequence.visual_start, sequence.key, tuple(positions))
        if key not in distinct:
            first.append((sequence, positions))
        places.append(distinct.setdefault(key, len(distinct)))
    to_come = Counter(places)
    encoded = enumerate(encode(first, cancel))
    # Held only until its last window has come: memory stays flat where no two are the same.
    held: dict[int, States] = {}
    for place in places:
        if place not in held:
            held.update([next(encoded)])
        yield held[place]
        to_come[place] -= 1
        if not to_come[place]:
            del held[place]
