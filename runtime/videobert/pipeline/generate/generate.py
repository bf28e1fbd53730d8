"""Sentences for windows of a video: all sentences of all windows go through the decoder together, word by word."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from videobert.base.arguments import whole
from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError
from videobert.families.family import Remembered, Told, WordDecoder
from videobert.pipeline.generate.events import Event, Found, Grew
from videobert.pipeline.generate.likeliest import log_sums
from videobert.pipeline.generate.options import Search
from videobert.pipeline.generate.sentences import Sentence
from videobert.pipeline.generate.window import Window
from videobert.pipeline.generate.word_cache import WordCache, room_for

# Rows of a step; windows beyond them wait until others are done. Engines are built for as many.
MOST_ROWS = 64


def generate(
    decoder: WordDecoder,
    told: Told,
    search: Search,
    *,
    prefix: Sequence[int] = (),
    most_rows: int = MOST_ROWS,
    cancel: threading.Event | None = None,
) -> Iterator[Event]:
    """Search for the sentences of windows; the same input gives the same events.

    A window that is done leaves the batch at once, and one that waited takes its place. The caller's arrays are not
    changed, and the iterator may be left at any time.

    Args:
        decoder: a family's.
        told: what each window is.
        prefix: words that every sentence begins with, behind the decoder's first one.
        most_rows: sentences that grow at a time, over all windows; one window goes on in any case.
        cancel: ends the search before the next word.

    Yields:
        Events of each window: `Grew` any number of times, then one `Found`.

    Raises:
        UsageError: `search` or `prefix` does not fit the decoder.
        InputError: a window tells nothing.
        Cancelled: `cancel` was set.
    """
    words = (decoder.begin, *(_word(word, decoder.words) for word in prefix))
    search.check(decoder.positions, len(words))
    if not told.mask.any(axis=1).all():
        raise InputError("a window tells nothing", seen="a mask of zeros", fix="Leave out windows without states.")
    yield from _Run(decoder, told, search, words, most_rows).events(cancel)


def _word(word: object, words: int) -> int:
    """A word of a prefix: an engine would read outside of its table at one that there is not."""
    return whole(
        "a word of the prefix", word, least=0, most=words - 1, allowed=f"0 to {words - 1}", fix="Leave it out."
    )


def best_sentences(
    decoder: WordDecoder,
    told: Told,
    search: Search,
    *,
    prefix: Sequence[int] = (),
    cancel: threading.Event | None = None,
) -> list[tuple[Sentence, ...]]:
    """The sentences of each window, best first; see `generate`."""
    found: list[tuple[Sentence, ...]] = [()] * len(told.states)
    for event in generate(decoder, told, search, prefix=prefix, cancel=cancel):
        if isinstance(event, Found):
            found[event.window] = event.sentences
    return found


@dataclass(slots=True)
class _Active:
    """A window in the batch, what it is told, and how many of its best sentence's words were told on."""

    index: int
    window: Window
    remembered: Remembered
    said: int = 0


class _Run:
    """One call of `generate`."""

    def __init__(
        self, decoder: WordDecoder, told: Told, search: Search, prefix: tuple[int, ...], most_rows: int
    ) -> None:
        self._decoder, self._told, self._search, self._prefix = decoder, told, search, prefix
        self._at_once = max(1, most_rows // search.beams)
        self._waiting = deque(range(len(told.states)))
        self._active: list[_Active] = []
        rows = min(self._at_once, len(told.states)) * search.beams
        room = room_for(len(prefix) + search.most - 1, decoder.positions)
        self._cache = WordCache(rows, decoder.layers, room, decoder.width)
        self._remembered: Remembered | None = None
        self._row_windows: list[int] = []

    def events(self, cancel: threading.Event | None) -> Iterator[Event]:
        # For each row of the next step the row of the last one that it goes on from.
        sources: list[int | None] = []
        while self._waiting or self._active:
            stop_if(cancel)
            sources += self._admit()
            yield from self._tell()
            if self._active:
                self._cache.rearrange(sources)
                sources = self._step()
                yield from self._tell()

    def _admit(self) -> list[int | None]:
        """Let waiting windows in as far as there is room; each begins with one row."""
        new = [self._waiting.popleft() for _ in range(min(self._at_once - len(self._active), len(self._waiting)))]
        if not new:
            return []
        kept = self._decoder.remember(Told(self._told.states[new], self._told.mask[new]))
        begun = [
            _Active(
                index,
                Window(self._search, self._prefix, self._decoder.end, self._decoder.barred),
                Remembered(*(part[place] for part in kept)),
            )
            for place, index in enumerate(new)
        ]
        self._active += begun
        # One row each, or none where a sentence has to end before its first word.
        return [None for each in begun for _ in range(each.window.rows)]

    def _step(self) -> list[int | None]:
        """One word for every row; where each row that goes on stems from."""
        words = [word for each in self._active for word in each.window.next_words()]
        cache = self._cache
        logits, keys, values = self._decoder.step(
            np.array(words, np.int64), cache.keys, cache.values, cache.lengths, self._of_rows()
        )
        cache.put(keys, values)
        sums = log_sums(logits)
        sources: list[int | None] = []
        first = 0
        for each in self._active:
            end = first + each.window.rows
            sources += [first + row for row in each.window.advance(logits[first:end], sums[first:end])]
            first = end
        return sources

    def _tell(self) -> Iterator[Event]:
        """What is certain now; windows that are done leave."""
        for each in self._active:
            certain = each.window.certain
            if len(certain) > each.said:
                yield Grew(each.index, certain[each.said :])
                each.said = len(certain)
            if each.window.done:
                yield Found(each.index, each.window.sentences)
        self._active = [each for each in self._active if not each.window.done]

    def _of_rows(self) -> Remembered:
        """What each row is told, made anew where rows have changed hands."""
        rows = [each.index for each in self._active for _ in range(each.window.rows)]
        if self._remembered is None or rows != self._row_windows:
            parts = [each.remembered for each in self._active for _ in range(each.window.rows)]
            self._remembered = Remembered(*(np.stack(arrays) for arrays in zip(*parts, strict=True)))
            self._row_windows = rows
        return self._remembered
