"""Words that are given: what a decoder says of them is what it says of whole sequences, one by one."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.runtime.pipeline.generate.tiny_decoder import TinyDecoder

from videobert.base.errors import Cancelled
from videobert.pipeline.generate.given_words import mean_log_probs


@pytest.mark.parametrize("seed", range(8))
def test_the_mean_is_that_of_whole_sequences(seed: int) -> None:
    decoder = TinyDecoder(seed)
    told = decoder.windows(3, seed)
    words = np.random.default_rng(seed).integers(4, decoder.words, size=1 + seed * 2).tolist()
    wanted = [
        np.mean(
            [
                decoder.full([decoder.begin, *words[:at]], told.states[window], told.mask[window])[word]
                for at, word in enumerate(words)
            ]
        )
        for window in range(3)
    ]
    np.testing.assert_allclose(mean_log_probs(decoder, told, words), wanted, atol=1e-4)


def test_it_can_be_stopped() -> None:
    decoder, cancel = TinyDecoder(1), threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        mean_log_probs(decoder, decoder.windows(1), [5, 6], cancel)
