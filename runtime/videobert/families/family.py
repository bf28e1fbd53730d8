"""What a model family is to the tasks: it builds the inputs of stages, and has capabilities that tasks ask for.

Everything here is of one opened model. A capability is a protocol, and a family has those that its models can have.
Sequences are opaque to a task but for the few places that it asks about; states are the joint encoder's output at such
places, float32 `(places, width)`.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from videobert.model.stage import Stage

# Which words or moments stand where they are masked; whether a text belongs to a video; a vector for either or both;
# which of some labels fits; sentences of what is seen; which visual tokens come next.
Capability = Literal["fills_words", "fills_moments", "aligns", "embeds", "classifies", "generates", "forecasts"]

States = npt.NDArray[np.float32]
Features = npt.NDArray[np.float32]
Pieces = Sequence[int]


class JointInput(Protocol):
    """Text, video or both, as the joint encoder reads them.

    Attributes:
        key: two sequences of equal keys and places are the same.
        whole: the place whose state stands for all of it.
        text_start, visual_start: places of the first word piece and of the first clip; `visual_start` is behind all
            places of the text if there is none.
    """

    @property
    def key(self) -> bytes: ...

    @property
    def whole(self) -> int: ...

    @property
    def text_start(self) -> int: ...

    @property
    def visual_start(self) -> int: ...


Asked = tuple[JointInput, Sequence[int]]
"""A sequence and the places whose states are wanted."""


class WordTable(NamedTuple):
    """An encoder's table of words.

    Args:
        tensor: its name in `model.safetensors`.
        rows: how many it has.
        words: what they are, for messages.
    """

    tensor: str
    rows: int
    words: str


class Parts(NamedTuple):
    """What of a model a capability rests on: names of stages, and `visual_tokens`, those rows of a token table.

    The backbone is left out: whatever is answered from a video rests on it.

    Args:
        always: whatever is asked.
        text: where a text was given.
        video: where a video was given.
    """

    always: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    video: tuple[str, ...] = ()


class LabelOdds(NamedTuple):
    """What is said of labels by their meaning.

    Args:
        log_odds: float64 `(stretches, labels)`, that a label fits, each for itself.
        sure: bool `(stretches,)`: whether the model stands to what it sees there.
    """

    log_odds: npt.NDArray[np.float64]
    sure: npt.NDArray[np.bool_]


class RunStage(Protocol):
    """Runs a stage and checks what comes back, see `StageSpec.check_output`."""

    def __call__(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]: ...


class RunStages(RunStage, Protocol):
    """Runs stages of several outputs too, see `CheckedStages.run_all`."""

    def run_all(self, stage: Stage, **inputs: Any) -> dict[str, npt.NDArray[Any]]: ...


class Stretch(Protocol):
    """Neighbouring clips of a video.

    Attributes:
        ids: int32 `(n,)` visual tokens; none in a model without.
        features: float32 `(n, feature_dim)`; None where only tokens are known, or the model wants no features.
        sure: bool `(n,)`: whether the model stands to its tokens; None where it always does.
    """

    @property
    def ids(self) -> npt.NDArray[np.int32]: ...

    @property
    def features(self) -> npt.NDArray[np.float32] | None: ...

    @property
    def sure(self) -> npt.NDArray[np.bool_] | None: ...


class Family(Protocol):
    """The family of one opened model. Thread-safe.

    Attributes:
        wants_features: whether it looks at the features of a stretch beside its tokens.

    A method whose capability the model lacks raises ModelError; which it has is in `videobert.families.registry`.
    """

    @property
    def wants_features(self) -> bool: ...

    def room(self, text_pieces: int) -> int:
        """Clips that a stretch may have beside a text of so many pieces; LimitExceeded if not one does."""
        ...


@runtime_checkable
class Embeds(Family, Protocol):
    """Gives a text, a video or both as a vector.

    Attributes:
        comparable: whether vectors of texts and of videos lie in one space.
    """

    @property
    def comparable(self) -> bool: ...

    def vector(
        self, pieces: Pieces | None, stretches: Sequence[Stretch] | None, cancel: threading.Event | None = None
    ) -> States:
        """The vector, float32 `(width,)`, of a text, of all stretches of a video, or of both; one is given."""
        ...

    def text_vectors(self, texts: Sequence[Pieces], cancel: threading.Event | None = None) -> States:
        """What `vector` gives of each of one or more texts, in fewer calls than one each: float32 `(texts, width)`.

        Bit for bit with OpenVINO on a CPU; other engines may add up otherwise for another number of rows.
        """
        ...


@runtime_checkable
class Aligns(Family, Protocol):
    """Judges whether a text belongs to a video."""

    def log_odds(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.floating]:
        """Log-odds that they belong together, `(n,)`, for each stretch."""
        ...


@runtime_checkable
class Compares(Aligns, Protocol):
    """Judges by a similarity whose log-odds were never fitted to how often texts and videos belong together.

    They order texts and stretches; as probabilities they mean nothing.
    """

    def similarity(
        self, pieces: Pieces, stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> npt.NDArray[np.floating]:
        """How well they agree as training measured it, `(n,)`, for each stretch; the log-odds rise with it."""
        ...

    def as_log_odds(self, similarity: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """The log-odds of similarities, of any shape."""
        ...


@runtime_checkable
class ChoosesLabels(Family, Protocol):
    """Judges labels by their meaning: each for itself, so that none of them may fit."""

    def label_sentences(self, label: str) -> Sequence[str]:
        """The sentences whose mean stands for a label that a caller gives without templates of its own."""
        ...

    def label_log_odds(
        self, labels: Sequence[Sequence[Pieces]], stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> LabelOdds:
        """How well labels fit each stretch.

        Args:
            labels: for each label the word pieces of its sentences.
        """
        ...

    def prepare(self) -> None:
        """Compute what all answers share."""
        ...


@runtime_checkable
class Forecasts(Family, Protocol):
    """Tells which visual token comes next."""

    def next_log_probs(
        self,
        pieces: Pieces | None,
        pasts: Sequence[npt.NDArray[np.integer]],
        cancel: threading.Event | None = None,
    ) -> States:
        """Log-probabilities of the next visual token behind each past.

        Args:
            pieces: a text that all of them go with; None for none.
            pasts: visual tokens so far, `(n,)` each; of any lengths, and empty ones only beside a text.

        Returns:
            float32 `(pasts, visual_tokens)`, each row normalised over the visual tokens.

        Raises:
            InputError: a visual token is out of range, or there is neither text nor past.
            LimitExceeded: text and past are longer than the model's positions; see `room`.
        """
        ...


@runtime_checkable
class ForecastsAhead(Forecasts, Protocol):
    """Tells visual tokens further ahead without those between."""

    def ahead_log_probs(
        self,
        pieces: Pieces | None,
        past: npt.NDArray[np.integer],
        ahead: Sequence[int],
        cancel: threading.Event | None = None,
    ) -> States:
        """Log-probabilities of the visual tokens so many places behind a past, 1 being the next.

        Returns:
            float32 `(len(ahead), visual_tokens)`, each row normalised over the visual tokens.

        Raises:
            InputError, LimitExceeded: see `next_log_probs`; text, past and all places ahead have to fit.
        """
        ...


@runtime_checkable
class Joint(Family, Protocol):
    """Text and video together, in which places can be hidden."""

    def text(self, pieces: Pieces) -> JointInput:
        """A text alone; LimitExceeded if it is too long."""
        ...

    def joint(
        self,
        pieces: Pieces,
        stretch: Stretch,
        masked: Collection[int] = (),
    ) -> JointInput:
        """A text, which may be empty, and a stretch of a video, its clips at the positions `masked` hidden.

        Raises:
            InputError: visual tokens or positions are out of range, or of the stretch is not known what it takes.
            LimitExceeded: it is too long.
        """
        ...

    def states(self, asked: Iterable[Asked], cancel: threading.Event | None = None) -> Iterator[States]:
        """The final states of each sequence at the places asked for."""
        ...

    def word_log_probs(self, states: States) -> States:
        """Log-probabilities over the words, float32 `(n, words)`; special words are at minus infinity."""
        ...

    def moment_log_probs(self, states: States, moments: Features) -> States:
        """Log-probabilities of what could stand at places of clips, float32 `(n, moments)`.

        Args:
            moments: features to choose from, float32 `(moments, feature_dim)`: the codebook's centroids, so that they
                are visual tokens, or in a model without tokens the clips of a film.
        """
        ...


class Told(NamedTuple):
    """What windows of a video are to a decoder.

    Args:
        states: float32 `(windows, places, width)`.
        mask: int64 `(windows, places)`, 1 for a place that has a meaning; every window has one.
    """

    states: States
    mask: npt.NDArray[np.int64]


class Remembered(NamedTuple):
    """The same as each step of a decoder looks at it.

    Args:
        keys, values: float32 `(rows, layers, places, width)`.
        mask: int64 `(rows, places)`.
    """

    keys: States
    values: States
    mask: npt.NDArray[np.int64]


class WordDecoder(Protocol):
    """Tells in words what it is told of, one word a step. Thread-safe; the caller keeps what it has said.

    Attributes:
        begin: the word before the first one of a sentence; no part of it.
        end: the word behind the last one.
        barred: words that never stand in a sentence.
        words: how many there are, ids from 0.
        layers, width: of what the caller keeps.
        positions: the most words of a row, the first of all among them.
    """

    @property
    def begin(self) -> int: ...

    @property
    def end(self) -> int: ...

    @property
    def barred(self) -> Collection[int]: ...

    @property
    def words(self) -> int: ...

    @property
    def layers(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def positions(self) -> int: ...

    def remember(self, told: Told) -> Remembered:
        """What is looked at in every step, computed once; a row for each window."""
        ...

    def step(
        self,
        words: npt.NDArray[np.int64],
        keys: States,
        values: States,
        lengths: npt.NDArray[np.int64],
        remembered: Remembered,
    ) -> tuple[States, States, States]:
        """Give each row its next word.

        Args:
            words: int64 `(rows,)`.
            keys, values: float32 `(rows, layers, room, width)` of the words before; what stands past a row's length has
                no influence.
            lengths: int64 `(rows,)`, how many words stand before.
            remembered: what each row is told.

        Returns:
            Logits of the word that follows, float32 `(rows, words)`, the caller's to change; and keys and values of
            the words given, `(rows, layers, width)`.
        """
        ...


@runtime_checkable
class Generates(Family, Protocol):
    """Writes sentences about a video; how they are searched for is in `videobert.pipeline.generate`."""

    @property
    def decoder(self) -> WordDecoder:
        """What writes them; ModelError if the model has none."""
        ...

    def told(
        self, pieces: Sequence[Pieces], stretches: Sequence[Stretch], cancel: threading.Event | None = None
    ) -> Told:
        """What the decoder is told of each stretch, beside the text that was said in it, which may be empty."""
        ...
