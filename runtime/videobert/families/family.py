"""What a model family is to the tasks: it builds the inputs of stages, and has capabilities that tasks ask for.

Everything here is of one opened model. Sequences are opaque to a task but for the few places that it asks about; states
are the joint encoder's output at such places, float32 `(places, width)`.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from videobert.model.stage import Stage

# Which words or moments stand where they are masked; whether a text belongs to a video; a vector for either or both;
# which of some labels fits.
Capability = Literal["fills_words", "fills_moments", "aligns", "embeds", "classifies"]

States = npt.NDArray[np.float32]


class JointInput(Protocol):
    """Text, visual tokens or both, as the joint encoder reads them.

    Attributes:
        ids: int64 `(length,)` ids in the joint vocabulary; two sequences of equal ids and places are the same.
        whole: the place whose state stands for all of it.
        text_start, visual_start: places of the first word piece and of the first visual token; `visual_start` is the
            length if there is none.
    """

    @property
    def ids(self) -> npt.NDArray[np.int64]: ...

    @property
    def whole(self) -> int: ...

    @property
    def text_start(self) -> int: ...

    @property
    def visual_start(self) -> int: ...


Asked = tuple[JointInput, Sequence[int]]
"""A sequence and the places whose states are wanted."""


class RunStage(Protocol):
    """Runs a stage and checks what comes back, see `StageSpec.check_output`."""

    def __call__(self, stage: Stage, **inputs: Any) -> npt.NDArray[Any]: ...


@runtime_checkable
class Family(Protocol):
    """The family of one opened model. Thread-safe.

    A method whose capability the model lacks raises ModelError; which it has is in `videobert.families.registry`.
    """

    def room(self, text_pieces: int) -> int:
        """Visual tokens that fit beside a text of so many pieces; LimitExceeded if not one does."""
        ...

    def text(self, pieces: Sequence[int]) -> JointInput:
        """A text alone; LimitExceeded if it is too long."""
        ...

    def joint(
        self,
        pieces: Sequence[int],
        visual: Sequence[int] | npt.NDArray[np.integer],
        masked: Collection[int] = (),
    ) -> JointInput:
        """A text, which may be empty, and visual tokens, those at the positions `masked` hidden.

        Raises:
            InputError: visual tokens or positions are out of range.
            LimitExceeded: it is too long.
        """
        ...

    def states(self, asked: Iterable[Asked], cancel: threading.Event | None = None) -> Iterator[States]:
        """The final states of each sequence at the places asked for."""
        ...

    def word_log_probs(self, states: States) -> States:
        """Log-probabilities over the words, float32 `(n, words)`; special words are at minus infinity."""
        ...

    def moment_log_probs(self, states: States) -> States:
        """Log-probabilities over the visual tokens, float32 `(n, visual_tokens)`."""
        ...

    def alignment_log_odds(self, states: States) -> States:
        """Log-odds that text and video belong together, float32 `(n,)`, of states that stand for whole sequences."""
        ...
