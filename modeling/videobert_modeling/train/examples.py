"""Training examples for the joint encoder: sentences and visual tokens of films, masked, matched and mismatched."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from videobert.config import ModelConfig
from videobert.sequence import JointSequence, SequenceBuilder, SpecialIds
from videobert_modeling.train.narrate import fill_template, random_template
from videobert_modeling.train.world import ATTRIBUTES, Film, Scene

IGNORED = -100
_LONGEST_PAIR = 14  # words of two sentences together; longer ones would only make every batch longer
_WORD_SHARE, _VISUAL_SHARE = 0.15, 0.15
_ATTRIBUTE_WORDS = frozenset(word for values in ATTRIBUTES.values() for word in values)


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a film as the joint encoder meets it.

    Args:
        tokens: visual tokens of its clips, in order.
        surroundings: tokens of a clip and its neighbours, where most of them are of this event; `run` asks so.
        next: index of the event after it in the same film, if any.
    """

    scene: Scene
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


def moments_of(films: list[Film], records: npt.NDArray[np.void], tokens: npt.NDArray[np.integer]) -> list[Moment]:
    """The events of films whose clips have `records` (see `Shards`) and visual tokens, in film order."""
    moments: list[Moment] = []
    for number, film in enumerate(films):
        mine = np.flatnonzero(records["film"] == number)
        ids, events = tokens[mine].astype(np.int64), records["event"][mine]
        kept = [index for index in range(len(film.events)) if (events == index).any()]
        for index in kept:
            around = [slice(max(0, at - 1), at + 2) for at in np.flatnonzero(events == index)]
            moments.append(
                Moment(
                    scene=film.events[index].scene,
                    tokens=ids[events == index],
                    surroundings=tuple(ids[a] for a in around if 2 * (events[a] == index).sum() > len(ids[a])),
                    next=len(moments) + 1 if index != kept[-1] else None,
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

    def __call__(self) -> Example:
        """The next example."""
        rng = self._rng
        moment = self._moments[rng.integers(len(self._moments))]
        template, draw = random_template(rng), rng.random()
        text = fill_template(template, moment.scene)
        if draw < 0.15:
            return self._masked(text, None)
        if moment.surroundings and rng.random() < 0.35:
            visual = moment.surroundings[rng.integers(len(moment.surroundings))]
        else:
            visual = self._subsample(moment.tokens)
        if draw < 0.25:
            return self._masked("", visual)
        if draw < 0.55:
            wrong = self._mismatch(template, moment.scene, text)
            if wrong is not None:
                return Example(*self._plain(self._builder.joint(self._ids(wrong), visual)), aligned=0)
        if draw < 0.65:
            return Example(*self._plain(self._builder.joint(self._ids(text), visual)), aligned=1)
        if draw < 0.75 and moment.next is not None:
            after = self._moments[moment.next]
            both = f"{text} {fill_template(random_template(rng), after.scene)}"
            if len(both.split()) <= _LONGEST_PAIR:
                text, visual = both, np.concatenate([visual, self._subsample(after.tokens)])
        example = self._masked(text, visual)
        example.aligned = 1
        return example

    def _subsample(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Every `stride`-th token from a random start; the paper's stride of 1 to 5, short of losing all."""
        stride = int(self._rng.integers(1, min(5, len(tokens)) + 1))
        return tokens[self._rng.integers(stride) :: stride]

    def _mismatch(self, template: str, scene: Scene, text: str) -> str | None:
        """The sentence for another scene, half of the time one that differs in a single attribute it names."""
        rng = self._rng
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
                return wrong
        return None

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def _plain(self, sequence: JointSequence) -> tuple[JointSequence, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        nothing = np.full(len(sequence), IGNORED, np.int64)
        return sequence, nothing, nothing

    def _masked(self, text: str, visual: npt.NDArray[np.int64] | None) -> Example:
        rng, ids = self._rng, self._ids(text)
        sequence = self._builder.text(ids) if visual is None else self._builder.joint(ids, visual)
        words = np.full(len(sequence), IGNORED, np.int64)
        seen = words.copy()
        text_at = np.arange(1, 1 + len(ids))
        chosen = rng.random(len(ids)) < _WORD_SHARE
        if rng.random() < 0.7:
            # Whole attributes, often all of them, so that only the video can tell.
            share = rng.choice((0.3, 0.6, 1.0))
            chosen |= np.isin(ids, self._attribute_ids) & (rng.random(len(ids)) < share)
        self._hide(sequence, text_at[chosen], words, 0)
        if visual is not None and (not text or rng.random() < 0.5):
            hidden = rng.random(len(visual)) < 2 * _VISUAL_SHARE
            if not text:
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
