"""How likely a text is beside a stretch of a video, of an encoder that fills in words.

The pseudo-likelihood of a text is the sum over its word pieces of the log-probability of each where it alone is masked
(arXiv 1910.14659). Here it is the mean, so that long texts compare with short ones, and what the text alone would say
is subtracted: a sentence that is likely anyway gains nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import numpy as np
import numpy.typing as npt

from videobert.base.errors import InputError
from videobert.families.distinct_states import distinct_states
from videobert.families.family import Asked, Pieces, Stretch
from videobert.pipeline.opened import OpenedModel

# Stretches that are asked about at a time.
_GROUP = 16


class PseudoLikelihood:
    """Of one text.

    Args:
        opened: a model that fills in words.
        pieces: the text; places whose piece is the mask, or unknown to the model, are left out of the mean.
        places: those that count; None for all.

    Raises:
        ModelError: the model does not fill in words.
        InputError: no place counts.
    """

    def __init__(self, opened: OpenedModel, pieces: Pieces, places: Sequence[int] | None = None) -> None:
        opened.need("fills_words")
        special = opened.tokenizer.special
        self._opened, self._pieces = opened, list(pieces)
        wanted = range(len(self._pieces)) if places is None else places
        self._places = [place for place in wanted if self._pieces[place] not in (special.unknown, special.mask)]
        if not self._places:
            raise InputError("no word of this text can be judged", fix="Use words that the model knows.")
        self._mask = special.mask
        self._prior: npt.NDArray[np.float64] | None = None

    def gain(self, stretches: Sequence[Stretch], cancel: Event | None = None) -> npt.NDArray[np.float64]:
        """By how much each stretch raises the mean log-probability of the words, float64 `(stretches,)`."""
        if self._prior is None:
            self._prior = self._mean_log_probs([None], cancel)
        return self._mean_log_probs(stretches, cancel) - self._prior

    def _mean_log_probs(self, stretches: Sequence[Stretch | None], cancel: Event | None) -> npt.NDArray[np.float64]:
        rows = [self._in_group(stretches[start : start + _GROUP], cancel) for start in range(0, len(stretches), _GROUP)]
        return np.concatenate(rows)

    def _in_group(self, stretches: Sequence[Stretch | None], cancel: Event | None) -> npt.NDArray[np.float64]:
        joint = self._opened.joint
        asked = [self._masked(place, stretch) for stretch in stretches for place in self._places]
        states = np.concatenate(list(distinct_states(joint.states, asked, cancel)))
        words = [self._pieces[place] for place in self._places] * len(stretches)
        found = joint.word_log_probs(states)[np.arange(len(words)), words].astype(np.float64)
        means: npt.NDArray[np.float64] = found.reshape(len(stretches), len(self._places)).mean(axis=1)
        return means

    def _masked(self, place: int, stretch: Stretch | None) -> Asked:
        joint = self._opened.joint
        pieces = [self._mask if at == place else piece for at, piece in enumerate(self._pieces)]
        sequence = joint.text(pieces) if stretch is None else joint.joint(pieces, stretch)
        return sequence, (sequence.text_start + place,)
