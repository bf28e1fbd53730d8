"""Text and video in encoders of their own, joined by a cross encoder (UniVL, arXiv 2002.06353).

A text's vector is the mean of its states but that of `[CLS]`, a film's the mean of its clips' states; their product is
the similarity that the model was trained with. In the cross encoder a text has `text_room` places whatever its length,
and the video's positions begin behind them, as in training.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt

from videobert.base.cancelling import stop_if
from videobert.base.errors import InputError, LimitExceeded, ModelError
from videobert.families.batches import batches, padded_ids
from videobert.families.distinct_states import distinct_states
from videobert.families.family import (
    Asked,
    Capability,
    Features,
    Parts,
    Pieces,
    RunStages,
    States,
    Stretch,
    Told,
    WordTable,
)
from videobert.families.log_softmax import log_softmax
from videobert.families.stage_decoder import StageDecoder
from videobert.model.config import ModelConfig, TwoStreamsConfig
from videobert.model.stage import Stage
from videobert.text.reader import TextTokenizer

# Texts, films and states that a stage is given at a time.
_BATCH = 32
_HEAD_ROWS = 64

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedInput:
    """A text and the features of a film as the two encoders take them; see `JointInput`.

    Args:
        ids: int64 `(length,)`, `[CLS]` first and `[SEP]` last.
        features: float32 `(clips, feature_dim)`, zeros where a clip is hidden; of no clips for a text alone.
        visual_start: places that the text has in the cross encoder.
    """

    ids: Ids
    features: Features
    visual_start: int
    whole: ClassVar[int] = 0
    text_start: ClassVar[int] = 1

    @property
    def key(self) -> bytes:
        """See `JointInput.key`."""
        return self.ids.tobytes() + b"|" + self.features.tobytes()


class UniVl:
    """See `videobert.families.family`: it embeds, aligns, fills and chooses among words.

    Args:
        config: of the model.
        tokenizer: its special words, and which words can be an answer.
        run: runs a stage.
    """

    head_for: ClassVar[Mapping[Capability, str | None]] = MappingProxyType(
        {
            "fills_words": "text",
            "fills_moments": "visual",
            "aligns": "alignment",
            "embeds": None,
            "classifies": "text",
            "generates": "decoder",
        }
    )
    comparable: ClassVar[bool] = True
    wants_features: ClassVar[bool] = True

    def __init__(self, config: ModelConfig, tokenizer: TextTokenizer, run: RunStages) -> None:
        self._config, self._streams = config, _streams_of(config)
        self._special, self._answers = tokenizer.special, tokenizer.answers
        self._run = run

    @staticmethod
    def word_table(config: ModelConfig) -> WordTable:
        """See `FamilyClass.word_table`."""
        return WordTable("text_encoder.tokens.weight", config.words, f"{config.words} words")

    @staticmethod
    def parts(config: ModelConfig) -> Mapping[Capability, Parts]:
        """See `FamilyClass.parts`: what joins the streams rests on both of them."""
        fused = ("text_encoder", "cross_encoder")
        of_video = ("video_encoder",)
        return {
            "embeds": Parts(text=("text_encoder",), video=of_video),
            "aligns": Parts((*fused, "cross_pooler", "alignment_head"), video=of_video),
            "fills_words": Parts((*fused, "text_head"), video=of_video),
            "fills_moments": Parts((*fused, "visual_head"), video=of_video),
            "classifies": Parts((*fused, "text_head"), video=of_video),
            "generates": Parts((*fused, "decoder_memory", "decoder"), video=of_video),
        }

    def room(self, text_pieces: int) -> int:
        """See `Family.room`: what the video encoder takes, and the cross encoder leaves beside the text."""
        places = self._text_places(text_pieces + 2)
        most, fusion = self._streams.video.positions, self._streams.fusion
        return most if fusion is None else min(most, fusion.positions - places)

    def vector(
        self, pieces: Pieces | None, stretches: Sequence[Stretch] | None, cancel: threading.Event | None = None
    ) -> States:
        """See `Embeds.vector`: not of length one, as its length counts; text and video are the middle of both."""
        parts: list[npt.NDArray[np.floating]] = []
        if pieces is not None:
            parts.append(self.text_vectors([pieces], cancel)[0])
        if stretches is not None:
            parts.append(self._video_mean(stretches, cancel))
        middle: States = np.stack(parts).mean(axis=0, dtype=np.float64).astype(np.float32)
        return middle

    def text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None = None) -> States:
        """See `Embeds.text_vectors`: the mean of a text's states; `[CLS]` does not count, `[SEP]` does."""
        ids = [self._ids(pieces) for pieces in texts]
        for one in ids:
            self._text_places(len(one))
        means = np.empty((len(texts), self._config.encoder.width), np.float32)
        for start in range(0, len(ids), _BATCH):
            stop_if(cancel)
            rows = slice(start, start + _BATCH)
            for mean, states in zip(means[rows], self._text_states(ids[rows]), strict=True):
                mean[:] = states[1:].mean(axis=0, dtype=np.float64)
        return means

    def log_odds(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.float32]:
        """See `Aligns.log_odds`: the similarity as it is."""
        return self.similarity(pieces, stretches, cancel)

    def as_log_odds(self, similarity: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """See `Compares.as_log_odds`."""
        return similarity.astype(np.float64)

    def similarity(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.float32]:
        """See `Compares.similarity`: what is linear in the pooled first fused state.

        It was trained to be higher for what belongs together than for what does not, so it orders pairs; that its
        zero is an even chance, no training said.
        """
        asked = [(self.joint(pieces, stretch), (FusedInput.whole,)) for stretch in stretches]
        whole = np.concatenate(list(distinct_states(self.states, asked, cancel)))
        return self._by_rows("alignment_head", pooled=self._by_rows("cross_pooler", states=whole))

    def text(self, pieces: Pieces) -> FusedInput:
        """See `Joint.text`."""
        ids = self._ids(pieces)
        none = np.zeros((0, self._config.backbone.feature_dim), np.float32)
        return FusedInput(ids=ids, features=none, visual_start=self._text_places(len(ids)))

    def joint(self, pieces: Pieces, stretch: Stretch, masked: Collection[int] = ()) -> FusedInput:
        """See `Joint.joint`; a hidden clip is one whose feature is zero, as in training.

        Raises:
            InputError: only visual tokens are known of the stretch; likewise below.
        """
        features = _features(stretch)
        for position in masked:
            if not 0 <= position < len(features):
                raise InputError(
                    "a masked visual position does not exist", seen=position, allowed=f"0 to {len(features) - 1}"
                )
        if len(features) > self.room(len(pieces)):
            raise LimitExceeded(
                "the sequence is longer than the model's positions",
                seen=f"{len(pieces)} word pieces and {len(features)} clips",
                allowed=f"{self.room(len(pieces))} clips beside this text",
                fix="Use fewer clips or a shorter text.",
            )
        if masked:
            features = features.copy()
            features[list(masked)] = 0
        ids = self._ids(pieces)
        return FusedInput(ids=ids, features=features, visual_start=self._text_places(len(ids)))

    def states(self, asked: Iterable[Asked], cancel: threading.Event | None = None) -> Iterator[States]:
        """See `Joint.states`."""
        remaining = iter(asked)
        while group := list(islice(remaining, _BATCH)):
            stop_if(cancel)
            # A task has them from `text` and `joint`.
            inputs = [cast(FusedInput, sequence) for sequence, _ in group]
            for (_, places), states in zip(group, self._fused(inputs), strict=True):
                yield states[list(places)]

    def word_log_probs(self, states: States) -> States:
        """See `Joint.word_log_probs`."""
        logits = self._by_rows("text_head", states=states)
        logits[:, ~self._answers] = -np.inf
        return log_softmax(logits)

    def moment_log_probs(self, states: States, moments: Features) -> States:
        """See `Joint.moment_log_probs`: by the product with the features that the head tells (section 3.5)."""
        told = self._by_rows("visual_head", states=states)
        if self._streams.normalize_video:
            # They are told as the video encoder sees features.
            moments = self._by_rows("feature_norm", features=moments)
        return log_softmax(told @ moments.T)

    @property
    def decoder(self) -> StageDecoder:
        """See `Generates.decoder`: a sentence begins behind `[CLS]`, ends with `[SEP]` and is of words."""
        sizes = self._streams.decoder
        if sizes is None:
            raise ModelError("this model has no decoder", seen=self._config.heads, fix="Use another model.")
        barred = np.flatnonzero(~self._answers).tolist()
        return StageDecoder(
            self._run,
            sizes,
            words=self._config.words,
            begin=self._special.cls,
            end=self._special.sep,
            barred=barred,
        )

    def told(
        self, pieces: Sequence[Pieces], stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> Told:
        """See `Generates.told`: fused states of text and video."""
        inputs = [self.joint(text, stretch) for text, stretch in zip(pieces, stretches, strict=True)]
        fused: list[States] = []
        for start in range(0, len(inputs), _BATCH):
            stop_if(cancel)
            fused += self._fused(inputs[start : start + _BATCH])
        places = max((len(states) for states in fused), default=0)
        told = np.zeros((len(inputs), places, self._config.encoder.width), np.float32)
        mask = np.zeros((len(inputs), places), np.int64)
        for row, (one, states) in enumerate(zip(inputs, fused, strict=True)):
            told[row, : len(states)] = states
            mask[row, : len(one.ids)] = 1
            mask[row, one.visual_start : one.visual_start + len(one.features)] = 1
        return Told(told, mask)

    def _by_rows(self, stage: Stage, **rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """What a stage without sequences gives of all rows, some at a time."""
        ((name, values),) = rows.items()
        values = np.ascontiguousarray(values)
        starts = range(0, len(values), _HEAD_ROWS)
        blocks = [self._run(stage, **{name: values[start : start + _HEAD_ROWS]}) for start in starts]
        given: npt.NDArray[np.float32] = np.concatenate(blocks)
        return given

    def _fused(self, inputs: Sequence[FusedInput]) -> list[States]:
        """Fused states of each, float32 `(places, width)`.

        Positions of the video begin where the text's places end, so only texts of as many places go together.
        """
        texts = self._text_states([one.ids for one in inputs])
        videos = self._video_states([one.features for one in inputs])
        found: dict[int, States] = {}
        for places in sorted({one.visual_start for one in inputs}):
            alike = [row for row, one in enumerate(inputs) if one.visual_start == places]
            for call in batches([places + len(videos[row]) for row in alike]):
                rows = [alike[place] for place in call]
                states = self._run(
                    "cross_encoder",
                    text_states=_padded([texts[row] for row in rows], places),
                    text_lengths=np.array([len(texts[row]) for row in rows], np.int64),
                    video_states=_padded([videos[row] for row in rows]),
                    video_lengths=np.array([self._shown(inputs[row].features) for row in rows], np.int64),
                )
                for row, fused in zip(rows, states, strict=True):
                    found[row] = fused[: places + len(videos[row])]
        return [found[row] for row in range(len(inputs))]

    def _text_states(self, texts: Sequence[Ids]) -> list[States]:
        """States of texts, float32 `(length, width)`, each distinct one encoded once."""
        distinct = list({ids.tobytes(): ids for ids in texts}.values())
        found: dict[bytes, States] = {}
        for call in batches([len(ids) for ids in distinct]):
            ids, lengths = padded_ids([distinct[row] for row in call], self._special.pad)
            states = self._run("text_encoder", ids=ids, lengths=lengths)
            for place, row in enumerate(call):
                found[distinct[row].tobytes()] = states[place, : lengths[place]]
        return [found[ids.tobytes()] for ids in texts]

    def _video_states(self, films: Sequence[Features]) -> list[States]:
        """States of films, float32 `(clips, width)`; a film of no clips is one of one hidden clip."""
        hidden = np.zeros((1, self._config.backbone.feature_dim), np.float32)
        given = [features if len(features) else hidden for features in films]
        found: dict[int, States] = {}
        for call in batches([len(features) for features in given]):
            rows = [given[row] for row in call]
            lengths = np.array([len(features) for features in rows], np.int64)
            states = self._run("video_encoder", features=_padded(rows), lengths=lengths)
            for place, row in enumerate(call):
                found[row] = states[place, : lengths[place]]
        return [found[row] for row in range(len(films))]

    def _shown(self, features: Features) -> int:
        """How many clips of a film the cross encoder sees.

        A text alone is a film of no clip where fused places attend to both streams; where they attend to the other one,
        which has to be there, it is a film of one hidden clip.
        """
        return len(features) if self._streams.fusion_kind == "concat" else max(1, len(features))

    def _video_mean(self, stretches: Sequence[Stretch], cancel: threading.Event | None) -> npt.NDArray[np.float64]:
        """The mean of a film's states, each clip's in its stretch."""
        total, clips = np.zeros(self._config.encoder.width, np.float64), 0
        for start in range(0, len(stretches), _BATCH):
            stop_if(cancel)
            films = [_features(stretch) for stretch in stretches[start : start + _BATCH]]
            for states, features in zip(self._video_states(films), films, strict=True):
                total += states[: len(features)].sum(axis=0, dtype=np.float64)
                clips += len(features)
        return total / clips

    def _ids(self, pieces: Pieces) -> Ids:
        return np.array([self._special.cls, *pieces, self._special.sep], np.int64)

    def _text_places(self, length: int) -> int:
        """Places that a text of so many ids has beside a video.

        Raises:
            LimitExceeded: it is longer than the model can hold. Nothing is ever cut off silently.
        """
        fusion = self._streams.fusion
        most = self._config.encoder.positions
        if fusion is not None:
            most = min(most, fusion.positions - 1)
        if length > most:
            raise LimitExceeded(
                "the text is longer than the model can hold",
                seen=f"{length - 2} word pieces",
                allowed=f"at most {most - 2} word pieces here",
                fix="Shorten the text or split it.",
            )
        return max(length, self._streams.text_room)


def _padded(rows: Sequence[States], places: int = 0) -> States:
    """Zeros behind each, float32 `(rows, places, width)`: so many places, or as many as the longest has."""
    padded = np.zeros((len(rows), places or max(map(len, rows)), rows[0].shape[1]), np.float32)
    for room, row in zip(padded, rows, strict=True):
        room[: len(row)] = row
    return padded


def _features(stretch: Stretch) -> Features:
    if stretch.features is None:
        raise InputError(
            "visual tokens do not tell the features that this model works on",
            seen="saved tokens",
            allowed="a video, or its features",
            fix="Give the video, or features that `Runtime.features` made of it.",
            fix_cli="Give the video itself, or features saved from it with `videobert features VIDEO --out FILE.vbf`.",
        )
    return stretch.features


def _streams_of(config: ModelConfig) -> TwoStreamsConfig:
    if config.two_streams is None:
        raise ModelError(
            "a model of the family univl has two streams", seen=config.name, fix="Import the checkpoint again."
        )
    return config.two_streams
