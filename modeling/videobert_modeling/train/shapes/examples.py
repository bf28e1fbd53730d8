"""Training examples for the joint encoder: sentences and visual tokens of films, masked, matched and mismatched."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from videobert.families.videobert import JointSequence, SequenceBuilder
from videobert.model.config import ModelConfig
from videobert.text.special_ids import SpecialIds
from videobert_modeling.train.shapes.narrate import Sentence, fill_template, naming_words, narration, random_template
from videobert_modeling.train.shapes.world import ATTRIBUTES, Film, Scene

IGNORED = -100
_LONGEST_PAIR = 14  # words of two sentences together; longer ones would only make every batch longer
_WORD_SHARE, _VISUAL_SHARE = 0.15, 0.15
_STRANGER_SHARE, _ALL_STRANGE_SHARE = 0.1, 0.1
_ATTRIBUTE_WORDS = frozenset(word for values in ATTRIBUTES.values() for word in values)


@dataclass(frozen=True, slots=True)
class Moment:
    """One sentence of a film's narration and what is to be seen meanwhile.

    Args:
        tokens: visual tokens of the clips whose middle lies in the sentence's time, in order.
        surroundings: tokens of a clip and its neighbours, where most of them are of the same event; `run` asks so.
        next: index of the moment after it in the same film, if any.
    """

    sentence: Sentence
    tokens: npt.NDArray[np.int64]
    surroundings: tuple[npt.NDArray[np.int64], ...]
    next: int | None


@dataclass(slots=True)
class Example:
    """A sequence, its targets (`IGNORED` where nothing is asked) and whether the text belongs to the video.

    `aligned` is 1, 0 or `IGNORED`. Targets of visual positions count from 0 at the first visual token.
    """

    sequence: JointSequence
    words: npt.NDArray[np.int64]
    visual: npt.NDArray[np.int64]
    aligned: int = field(default=IGNORED)


def moments_of(
    films: list[Film], records: npt.NDArray[np.void], tokens: npt.NDArray[np.integer], clip_s: float, seed: int
) -> list[Moment]:
    """The narration of films whose clips have `records` (see `Shards`) and visual tokens, in film order.

    A sentence during which no clip has its middle is left out.
    """
    moments: list[Moment] = []
    for number, film in enumerate(films):
        mine = np.flatnonzero(records["film"] == number)
        ids, events = tokens[mine].astype(np.int64), records["event"][mine]
        middles = records["start_s"][mine] + clip_s / 2
        told = [(s, np.flatnonzero((s.start_s <= middles) & (middles < s.end_s))) for s in narration(film, seed)]
        told = [(sentence, at) for sentence, at in told if len(at)]
        for place, (sentence, at) in enumerate(told, 1):
            around = [(index, slice(max(0, index - 1), index + 2)) for index in at]
            moments.append(
                Moment(
                    sentence=sentence,
                    tokens=ids[at],
                    surroundings=tuple(ids[a] for i, a in around if 2 * (events[a] == events[i]).sum() > len(ids[a])),
                    next=len(moments) + 1 if place < len(told) else None,
                )
            )
    return moments


class ExampleMaker:
    """Draws examples at random: 75 % joint, of which half are mismatched, 15 % text alone, 10 % video alone."""

    def __init__(self, config: ModelConfig, tokenizer: Tokenizer, moments: list[Moment], seed: int) -> None:
        self._config, self._tokenizer, self._moments = config, tokenizer, moments
        self._special = special_ids(tokenizer)
        self._builder = SequenceBuilder(config, self._special)
        self._rng = np.random.default_rng([seed, 7])
        self._attribute_ids = np.array([tokenizer.token_to_id(word) for word in sorted(_ATTRIBUTE_WORDS)])
        self._naming_ids = np.array([tokenizer.token_to_id(word) for word in sorted(naming_words())])

    def __call__(self) -> Example:
        """The next example."""
        rng = self._rng
        moment = self._moments[rng.integers(len(self._moments))]
        scene, draw = moment.sentence.scene, rng.random()
        # As it was narrated, or in other words.
        template = moment.sentence.template if rng.random() < 0.5 else random_template(rng)
        text = fill_template(template, scene)
        if draw < 0.15:
            return self._masked(self._ids(text), None)
        if moment.surroundings and rng.random() < 0.35:
            visual = moment.surroundings[rng.integers(len(moment.surroundings))]
        else:
            visual = self._subsample(moment.tokens)
        if draw < 0.25:
            return self._masked([], visual)
        if draw < 0.55:
            wrong = self._mismatch(template, scene, text)
            if wrong is not None:
                return Example(*self._plain(self._builder.joint(wrong, visual)), aligned=0)
        if draw < 0.65:
            return Example(*self._plain(self._builder.joint(self._ids(text), visual)), aligned=1)
        if draw < 0.75 and moment.next is not None:
            after = self._moments[moment.next]
            both = f"{text} {fill_template(random_template(rng), after.sentence.scene)}"
            if len(both.split()) <= _LONGEST_PAIR:
                text, visual = both, np.concatenate([visual, self._subsample(after.tokens)])
        example = self._masked(self._ids(text), visual)
        example.aligned = 1
        return example

    def _subsample(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Every `stride`-th token from a random start; the paper's stride of 1 to 5, short of losing all."""
        stride = int(self._rng.integers(1, min(5, len(tokens)) + 1))
        return tokens[self._rng.integers(stride) :: stride]

    def _mismatch(self, template: str, scene: Scene, text: str) -> list[int] | None:
        """The sentence for another scene, half of the time one that differs in a single attribute it names.

        A sentence that names things of which the model knows none is a mismatch too.
        """
        rng = self._rng
        if rng.random() < _ALL_STRANGE_SHARE:
            ids = np.array(self._ids(text))
            return [int(i) for i in np.where(np.isin(ids, self._naming_ids), self._special.unknown, ids)]
        named = [name for name in ATTRIBUTES if "{" + name + "}" in template]
        if "{doing}" in template:
            named.append("motion")
        changed = [named[rng.integers(len(named))]] if rng.random() < 0.5 else list(ATTRIBUTES)
        for _ in range(20):
            values = {name: getattr(scene, name) for name in ATTRIBUTES}
            values |= {name: ATTRIBUTES[name][rng.integers(len(ATTRIBUTES[name]))] for name in changed}
            other = Scene(**values)
            wrong = fill_template(template, other)
            if wrong != text and not other.held_out:
                return self._ids(wrong)
        return None

    def _ids(self, text: str) -> list[int]:
        """Words, at times with an unknown one among them: by itself it says nothing about a match."""
        ids = list(self._tokenizer.encode(text, add_special_tokens=False).ids)
        if self._rng.random() < _STRANGER_SHARE:
            ids.insert(int(self._rng.integers(len(ids) + 1)), self._special.unknown)
        return ids

    def _plain(self, sequence: JointSequence) -> tuple[JointSequence, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        nothing = np.full(len(sequence), IGNORED, np.int64)
        return sequence, nothing, nothing

    def _masked(self, ids: list[int], visual: npt.NDArray[np.int64] | None) -> Example:
        rng = self._rng
        sequence = self._builder.text(ids) if visual is None else self._builder.joint(ids, visual)
        words = np.full(len(sequence), IGNORED, np.int64)
        seen = words.copy()
        text_at = np.arange(1, 1 + len(ids))
        chosen = rng.random(len(ids)) < _WORD_SHARE
        if rng.random() < 0.7:
            # Whole attributes, often all of them, so that only the video can tell. "spinning" and its like are not
            # among them: "it is [MASK]" is to be answered by a colour.
            share = rng.choice((0.3, 0.6, 1.0))
            chosen |= np.isin(ids, self._attribute_ids) & (rng.random(len(ids)) < share)
        chosen &= np.array(ids, np.int64) != self._special.unknown
        self._hide(sequence, text_at[chosen], words, 0)
        if visual is not None and (not ids or rng.random() < 0.5):
            hidden = rng.random(len(visual)) < 2 * _VISUAL_SHARE
            if not ids:
                hidden[rng.integers(len(hidden))] = True
            self._hide(sequence, sequence.visual_start + np.flatnonzero(hidden), seen, self._config.words)
        return Example(sequence, words, seen)

    def _hide(
        self, sequence: JointSequence, at: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], base: int
    ) -> None:
        """Masks 80 %, replaces 10 % at random and keeps 10 %, as BERT does; notes what was there in `targets`."""
        size = self._config.words if base == 0 else self._config.visual_tokens
        for index in at:
            targets[index] = sequence.ids[index] - base
            draw = self._rng.random()
            if draw < 0.8:
                sequence.ids[index] = self._special.mask
            elif draw < 0.9:
                sequence.ids[index] = base + self._rng.integers(size)


def special_ids(tokenizer: Tokenizer) -> SpecialIds:
    """Ids of the special words of `word_tokenizer`."""
    names = {"pad": "[PAD]", "unknown": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    vocabulary = tokenizer.get_vocab()
    return SpecialIds(**{field: vocabulary[word] for field, word in names.items()})
