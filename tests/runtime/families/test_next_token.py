"""The family next_token: what the stages are given, and what comes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.small_next_token import CONFIG, VISUAL, WORDS, open_small_next_token, tokenizer_json

from videobert.base.errors import Cancelled, InputError, LimitExceeded, ModelError
from videobert.base.limits import Limits
from videobert.families.family import Forecasts
from videobert.families.next_token import NextToken
from videobert.families.registry import capabilities_of, lacks
from videobert.text.reader import TextTokenizer


class Stages:
    """The state of a place is how many there are up to it, its id, its segment, and the sum of the ids so far."""

    def __init__(self) -> None:
        self.given: list[dict[str, npt.NDArray[Any]]] = []

    def __call__(self, stage: str, **inputs: Any) -> npt.NDArray[Any]:
        if stage == "past_encoder":
            self.given.append(inputs)
            ids, segments = inputs["ids"], inputs["segments"]
            places = np.broadcast_to(np.arange(1, ids.shape[1] + 1), ids.shape)
            return np.stack([places, ids, segments, ids.cumsum(axis=1)], axis=2).astype(np.float32)
        # The words get scores far above, which must not count.
        logits = np.full((len(inputs["states"]), len(WORDS) + VISUAL), 100.0, np.float32)
        logits[:, len(WORDS) :] = inputs["states"][:, 3:] * np.arange(VISUAL) / 10
        return logits

    def run_all(self, stage: str, **inputs: Any) -> dict[str, npt.NDArray[Any]]:
        raise AssertionError(stage)


@pytest.fixture
def stages() -> Stages:
    return Stages()


@pytest.fixture
def family(stages: Stages) -> NextToken:
    return NextToken(CONFIG, TextTokenizer(tokenizer_json().encode(), CONFIG, Limits()), stages)


def past(*ids: int) -> npt.NDArray[np.int32]:
    return np.array(ids, np.int32)


def test_a_text_and_a_past_are_one_sequence_of_two_segments(family: NextToken, stages: Stages) -> None:
    family.next_log_probs([4, 5], [past(0, 3)])
    (given,) = stages.given
    assert given["ids"].tolist() == [[2, 4, 5, 6, 8, 11]]
    assert given["segments"].tolist() == [[0, 0, 0, 0, 1, 1]]


def test_a_past_alone_is_all_of_the_videos_segment(family: NextToken, stages: Stages) -> None:
    family.next_log_probs(None, [past(0, 3)])
    (given,) = stages.given
    assert given["ids"].tolist() == [[2, 8, 11]]
    assert given["segments"].tolist() == [[1, 1, 1]]


def test_it_goes_on_from_the_last_place_of_each_past(family: NextToken) -> None:
    """Pasts of several lengths in one batch give what each gives alone."""
    pasts = [past(1), past(2, 2, 4), past(), past(0, 1)]
    together = family.next_log_probs([4], pasts)
    assert together.shape == (4, VISUAL)
    assert together.dtype == np.float32
    alone = np.concatenate([family.next_log_probs([4], [each]) for each in pasts])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(np.exp(together).sum(axis=1), 1, rtol=1e-5)
    sums = [sum((2, 4, 6, *(len(WORDS) + i for i in each))) for each in pasts]
    expected = np.outer(sums, np.arange(VISUAL)) / 10
    np.testing.assert_allclose(np.diff(together, axis=1), np.diff(expected, axis=1), rtol=1e-4)


def test_many_pasts_are_taken_in_groups_and_can_be_cancelled(family: NextToken, stages: Stages) -> None:
    assert family.next_log_probs(None, [past(i % VISUAL) for i in range(40)]).shape == (40, VISUAL)
    assert [len(given["ids"]) for given in stages.given] == [16, 16, 8]
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        family.next_log_probs(None, [past(1)], cancel)


@pytest.mark.parametrize(
    ("pieces", "tokens", "error", "says"),
    [
        (None, past(-1), InputError, "out of range"),
        (None, past(VISUAL), InputError, "out of range"),
        (None, past(), InputError, "nothing to go on from"),
        ([4], past(*[0] * 8), LimitExceeded, "longer than the model's positions"),
        (None, past(*[0] * 10), LimitExceeded, "longer than the model's positions"),
        ([4] * 8, past(0), LimitExceeded, "text is longer"),
    ],
)
def test_what_does_not_fit_is_refused(
    family: NextToken, pieces: Any, tokens: Any, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        family.next_log_probs(pieces, [tokens])


def test_room_is_what_the_positions_leave(family: NextToken) -> None:
    assert (family.room(0), family.room(1), family.room(7)) == (9, 7, 1)
    family.next_log_probs([4] * 7, [past(0)])
    family.next_log_probs(None, [past(*[0] * 9)])


def test_it_forecasts_and_nothing_else(family: NextToken) -> None:
    assert isinstance(family, Forecasts)
    assert capabilities_of(CONFIG) == {"forecasts"}
    error = lacks(CONFIG, "embeds")
    assert error.what == "models of the family next_token cannot turn a video or a text into a vector"
    assert error.seen == "small-next-token, which can tell what comes next in a video"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda model, video: model.embed(video), "cannot turn a video or a text into a vector"),
        (lambda model, video: model.embed(text="the pan"), "cannot turn a video or a text into a vector"),
        (lambda model, video: model.align(video, "the pan"), "cannot judge whether a text belongs"),
        (lambda model, video: model.fill("the [MASK]"), "cannot fill in words"),
        (lambda model, video: model.fill("the pan", video, visual=[0]), "cannot fill in moments"),
        (lambda model, video: model.classify(video, labels=["the", "pan"], templates=["[MASK]"]), "cannot choose"),
    ],
)
def test_every_other_verb_says_what_it_cannot_do_and_what_it_can(
    tmp_path: Path, make_video: Callable[..., Any], ask: Any, says: str
) -> None:
    with open_small_next_token(tmp_path) as model, pytest.raises(ModelError, match=says) as refused:
        ask(model, make_video(3.0, 1))
    assert "which can tell what comes next in a video" in str(refused.value.seen)
