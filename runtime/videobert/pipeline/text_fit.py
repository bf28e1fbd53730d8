"""How well a text fits stretches of a video, by what the model can do: the arithmetic under `locate` and `answer`."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from videobert.families.family import Aligns, Capability, ChoosesLabels, Compares, Pieces, Stretch
from videobert.pipeline.opened import OpenedModel
from videobert.pipeline.pseudo_likelihood import PseudoLikelihood
from videobert.pipeline.reading import read_text

FitMethod = Literal["alignment", "meaning", "pseudo_likelihood"]


class Fit(NamedTuple):
    """How well a text fits some stretches.

    Args:
        values: float64 `(stretches,)`; what they are is in `TextFit`.
        sure: bool `(stretches,)`: whether the model stands to what it sees there.
    """

    values: npt.NDArray[np.float64]
    sure: npt.NDArray[np.bool_]


class TextFit(Protocol):
    """How well one text fits stretches.

    Attributes:
        method: `"meaning"` where text and video lie in one space, `"alignment"` where a joint encoder judges both
            together, `"pseudo_likelihood"` where it can only fill in words.
        calibrated: a value above 0 says that the text fits: values are log-odds, or how much likelier the video makes
            each word of the text. If not, they are similarities, which order stretches and say nothing of one alone.
        rests_on: the capability that is asked.
        longest: word pieces that stand beside the clips.
        unknown_words: of the text, see `Fill`.
    """

    @property
    def method(self) -> FitMethod: ...

    @property
    def calibrated(self) -> bool: ...

    @property
    def rests_on(self) -> Capability: ...

    @property
    def longest(self) -> int: ...

    @property
    def unknown_words(self) -> tuple[str, ...]: ...

    def of(self, stretches: Sequence[Stretch], cancel: Event | None = None) -> Fit:
        """The fit of each stretch, which may have as many clips as there is room for beside the text."""
        ...


def text_fit(opened: OpenedModel, text: str) -> TextFit:
    """What judges a text.

    Raises:
        ModelError: the model does nothing of the kind.
        InputError, LimitExceeded: see `read_text`.
    """
    if opened.can("aligns"):
        if opened.compares is not None:
            return _BySimilarity(opened, opened.compares, text)
        if opened.chooses_labels is not None:
            return _ByMeaning(opened, opened.chooses_labels, text)
        return _ByAlignment(opened, opened.aligns, text)
    if opened.can("fills_words"):
        return _ByLikelihood(opened, text)
    # Both names are told in the error of the first.
    return _ByAlignment(opened, opened.aligns, text)


def word_fit(opened: OpenedModel, before: str, words: str, behind: str) -> TextFit:
    """What judges some words between others, by how much likelier the video makes them there.

    Raises:
        ModelError: the model does not fill in words.
        InputError: the model knows no word of it.
    """
    text = before + words + behind
    pieces, first, rest = (opened.tokenizer.encode(each) for each in (text, before, behind))
    last = len(pieces) - len(rest)
    # Where pieces of the words and of those around them grew together, all of the text is judged.
    apart = pieces[: len(first)] == first and pieces[last:] == rest and len(first) < last
    return _ByLikelihood(opened, text, range(len(first), last) if apart else None)


class _ByAlignment:
    """By the log-odds that text and stretch belong together."""

    method: FitMethod = "alignment"
    calibrated = True
    rests_on: Capability = "aligns"

    def __init__(self, opened: OpenedModel, family: Aligns, text: str) -> None:
        read = read_text(opened, text)
        self._family, self._pieces, self.unknown_words = family, read.pieces, read.unknown_words
        self.longest = len(read.pieces)

    def of(self, stretches: Sequence[Stretch], cancel: Event | None = None) -> Fit:
        """See `TextFit.of`."""
        return _all_sure(self._family.log_odds(self._pieces, stretches, cancel))


class _BySimilarity:
    """By a similarity that was never fitted to probabilities."""

    calibrated = False
    rests_on: Capability = "aligns"

    def __init__(self, opened: OpenedModel, family: Compares, text: str) -> None:
        read = read_text(opened, text)
        self._family, self._pieces, self.unknown_words = family, read.pieces, read.unknown_words
        self.longest = len(read.pieces)
        self.method: FitMethod = "alignment" if opened.chooses_labels is None else "meaning"

    def of(self, stretches: Sequence[Stretch], cancel: Event | None = None) -> Fit:
        """See `TextFit.of`."""
        return _all_sure(self._family.similarity(self._pieces, stretches, cancel))


class _ByMeaning:
    """By the log-odds that a label of this meaning fits."""

    method: FitMethod = "meaning"
    calibrated = True
    rests_on: Capability = "aligns"

    def __init__(self, opened: OpenedModel, family: ChoosesLabels, text: str) -> None:
        self.unknown_words = read_text(opened, text).unknown_words
        self._family = family
        self._sentences: list[Pieces] = [
            read_text(opened, sentence).pieces for sentence in family.label_sentences(text)
        ]
        self.longest = max(len(pieces) for pieces in self._sentences)

    def of(self, stretches: Sequence[Stretch], cancel: Event | None = None) -> Fit:
        """See `TextFit.of`."""
        found = self._family.label_log_odds([self._sentences], stretches, cancel)
        return Fit(found.log_odds[:, 0].astype(np.float64), found.sure)


class _ByLikelihood:
    """By how much likelier the words become beside the stretch, the mean over them.

    Args:
        places: word pieces that count; None for all.
    """

    method: FitMethod = "pseudo_likelihood"
    calibrated = True
    rests_on: Capability = "fills_words"

    def __init__(self, opened: OpenedModel, text: str, places: Sequence[int] | None = None) -> None:
        read = read_text(opened, text)
        self._likelihood = PseudoLikelihood(opened, read.pieces, places)
        self.unknown_words, self.longest = read.unknown_words, len(read.pieces)

    def of(self, stretches: Sequence[Stretch], cancel: Event | None = None) -> Fit:
        """See `TextFit.of`."""
        return _all_sure(self._likelihood.gain(stretches, cancel))


def _all_sure(values: npt.NDArray[np.floating]) -> Fit:
    return Fit(values.astype(np.float64), np.ones(len(values), np.bool_))
