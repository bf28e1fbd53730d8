"""How likely a decoder finds words that are given to it: a sentence that was written, held against other windows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.families.family import Told, WordDecoder
from videobert.pipeline.generate.likeliest import log_sums
from videobert.pipeline.generate.word_cache import WordCache, room_for


def mean_log_probs(
    decoder: WordDecoder, told: Told, words: Sequence[int], cancel: threading.Event | None = None
) -> npt.NDArray[np.float64]:
    """The mean over words of their log-probabilities, each with those before it given, float64 `(windows,)`.

    Args:
        decoder: a family's.
        told: what each window is.
        words: the sentence, without the words that begin and end it; one at least, at most `decoder.positions`.
        cancel: ends the work before the next word.
    """
    windows = len(told.states)
    remembered = decoder.remember(told)
    cache = WordCache(windows, decoder.layers, room_for(len(words), decoder.positions), decoder.width)
    cache.rearrange([None] * windows)
    sums = np.zeros(windows)
    for given, next_word in pairwise([decoder.begin, *words]):
        stop_if(cancel)
        last = np.full(windows, given, np.int64)
        logits, keys, values = decoder.step(last, cache.keys, cache.values, cache.lengths, remembered)
        cache.put(keys, values)
        sums += logits[:, next_word].astype(np.float64) - log_sums(logits)
    return sums / len(words)
