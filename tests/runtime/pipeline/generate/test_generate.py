"""Generation equals a plain search over whole sequences, whatever stands in the batch."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import numpy as np
import pytest
from tests.runtime.pipeline.generate.plain_search import Task, beam, greedy, words_of
from tests.runtime.pipeline.generate.tiny_decoder import TinyDecoder

from videobert.base.errors import Cancelled, InputError, ModelError, UsageError
from videobert.families.family import Told
from videobert.pipeline.generate.events import Found, Grew
from videobert.pipeline.generate.generate import best_sentences, generate
from videobert.pipeline.generate.options import Search

# What is asked of each random model: every option, alone and with others.
ASKED: list[dict[str, Any]] = [
    {},
    {"length_penalty": 0.0},
    {"length_penalty": 2.0, "least": 3},
    {"no_repeat": 2},
    {"no_repeat": 1, "force_end": False},
    {"stop_early": True},
    {"force_end": False, "length_penalty": -0.5},
    {"least": 5, "no_repeat": 3, "stop_early": True},
    {"most": 3},
    {"most": 1, "force_end": False},
]


def task(decoder: TinyDecoder, beams: int, **asked: Any) -> Task:
    begin = (decoder.begin, *asked.pop("prefix", ()))
    return Task(begin=begin, end=decoder.end, barred=decoder.barred, beams=beams, **{"most": 10, **asked})


def search(beams: int, **asked: Any) -> Search:
    return Search(beams=beams, **{"most": 10, **asked})


def next_word(decoder: TinyDecoder, told: Told, window: int) -> Any:
    return lambda ids: decoder.full(ids, told.states[window], told.mask[window])


@pytest.mark.parametrize("seed", range(100))
def test_sentences_are_those_of_a_plain_search(seed: int) -> None:
    decoder = TinyDecoder(seed)
    asked, prefix = ASKED[seed % len(ASKED)], ((), (5,), (5, 7))[seed % 3]
    told = decoder.windows(3, seed)
    for beams in (1, 4):
        found = best_sentences(decoder, told, search(beams, **asked), prefix=prefix)
        for window, sentences in enumerate(found):
            wanted = beam(task(decoder, beams, prefix=prefix, **asked), next_word(decoder, told, window))
            assert [one.ids for one in sentences] == words_of(wanted)
            np.testing.assert_allclose([one.score for one in sentences], [one[1] for one in wanted], atol=1e-4)
            np.testing.assert_allclose([one.normalised for one in sentences], [one[2] for one in wanted], atol=1e-4)


@pytest.mark.parametrize("seed", range(100))
def test_one_beam_takes_the_likeliest_word_each_time(seed: int) -> None:
    decoder = TinyDecoder(seed)
    told = decoder.windows(2, seed)
    asked = ASKED[seed % len(ASKED)]
    for window, (sentence,) in enumerate(best_sentences(decoder, told, search(1, **asked))):
        words, score = greedy(task(decoder, 1, **asked), next_word(decoder, told, window))
        assert list(sentence.ids) == words
        assert sentence.score == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("most_rows", [1, 8, 64])
def test_a_window_alone_equals_one_among_others(most_rows: int) -> None:
    decoder = TinyDecoder(3)
    told = decoder.windows(7, 3)
    events = list(generate(decoder, told, search(4), most_rows=most_rows))
    together = {event.window: event.sentences for event in events if isinstance(event, Found)}
    assert sorted(together) == list(range(7))
    assert max(rows for rows, _ in decoder.shapes) <= max(4, most_rows)
    for window in range(7):
        (alone,) = best_sentences(decoder, Told(*(part[window : window + 1] for part in told)), search(4))
        assert alone == together[window]


def test_windows_that_are_done_leave_the_batch_and_others_enter() -> None:
    decoder = TinyDecoder(5)
    told = decoder.windows(12, 5)
    found = best_sentences(decoder, told, search(1))
    steps = [len(one.ids) + one.ended for (one,) in found]
    assert len(set(steps)) > 1
    # Rows in all are words in all: nobody waits for the longest. The forced last word takes no step.
    forced = sum(step == 10 for step in steps)
    assert sum(rows for rows, _ in decoder.shapes) == sum(steps) - forced
    decoder.shapes.clear()
    list(generate(decoder, told, search(1), most_rows=3))
    assert Counter(rows for rows, _ in decoder.shapes).most_common(1)[0][0] == 3


def test_the_shape_of_a_step_does_not_depend_on_the_length_so_far() -> None:
    decoder = TinyDecoder(4, positions=64)
    list(generate(decoder, decoder.windows(1), search(4, most=40, least=30, no_repeat=1, force_end=False)))
    decoder = TinyDecoder(4, words=60, positions=64)
    list(generate(decoder, decoder.windows(1), search(4, most=40, least=38)))
    assert len(decoder.shapes) >= 38
    assert {room for _, room in decoder.shapes} == {64}
    assert {rows for rows, _ in decoder.shapes[1:]} == {4}
    decoder.shapes.clear()
    list(generate(decoder, decoder.windows(1), search(4, most=9)))
    assert {room for _, room in decoder.shapes} == {16}


def test_what_stands_where_nothing_is_told_cannot_matter() -> None:
    decoder = TinyDecoder(8)
    told = decoder.windows(3, 8)
    filled = np.where(told.mask[..., None] > 0, told.states, 1e6).astype(np.float32)
    assert best_sentences(decoder, told, search(4)) == best_sentences(decoder, Told(filled, told.mask), search(4))


def test_nothing_of_the_callers_is_changed_and_the_same_input_gives_the_same_events() -> None:
    decoder = TinyDecoder(9)
    told = decoder.windows(5, 9)
    before = [part.copy() for part in told]
    first = list(generate(decoder, told, search(3)))
    assert first == list(generate(decoder, told, search(3)))
    for part, kept in zip(told, before, strict=True):
        np.testing.assert_array_equal(part, kept)


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("seed", range(10))
def test_what_is_told_early_is_how_the_best_sentence_begins(seed: int, beams: int) -> None:
    decoder = TinyDecoder(seed)
    said: dict[int, tuple[int, ...]] = dict.fromkeys(range(3), ())
    ended: set[int] = set()
    early = 0
    for event in generate(decoder, decoder.windows(3, seed), search(beams, least=6, most=16)):
        assert event.window not in ended
        if isinstance(event, Grew):
            said[event.window] += event.ids
            early += len(event.ids)
        else:
            assert said[event.window] == event.sentences[0].ids
            ended.add(event.window)
    assert ended == {0, 1, 2}
    assert early > 0


def test_words_of_one_beam_come_one_by_one() -> None:
    decoder = TinyDecoder(2)
    for event in generate(decoder, decoder.windows(1), search(1, least=5)):
        assert isinstance(event, Found) or len(event.ids) == 1


def test_equal_words_are_ordered_by_id() -> None:
    class Even(TinyDecoder):
        def step(self, *given: Any) -> Any:
            logits, keys, values = super().step(*given)
            return np.zeros_like(logits), keys, values

    decoder = Even(1)
    (sentences,) = best_sentences(decoder, decoder.windows(1), search(3, most=2, force_end=False))
    # 0 and 3 are barred and 2 ends. All are equally good for their length, so that the first to end stay.
    assert [one.ids for one in sentences] == [(), (1,), (1, 1)]
    again = best_sentences(decoder, decoder.windows(1), search(3, most=2, force_end=False))
    assert again == [sentences]


def test_a_caller_can_stop_between_words() -> None:
    decoder, cancel = TinyDecoder(1), threading.Event()
    events = generate(decoder, decoder.windows(1), search(1, least=8), cancel=cancel)
    next(events)
    cancel.set()
    steps = len(decoder.shapes)
    with pytest.raises(Cancelled):
        next(events)
    assert len(decoder.shapes) == steps


def test_an_iterator_may_be_left() -> None:
    decoder = TinyDecoder(1)
    events = generate(decoder, decoder.windows(2), search(2, least=5))
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert len(best_sentences(decoder, decoder.windows(2), search(2))) == 2


def test_where_no_word_is_allowed_what_there_is_stays() -> None:
    decoder = TinyDecoder(1, words=5)
    ((sentence,),) = best_sentences(decoder, decoder.windows(1), search(1, least=9, no_repeat=1))
    assert (sentence.ids, sentence.ended) == ((4,), False)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"beams": 0}, "beams"),
        ({"beams": 65}, "beams"),
        ({"most": 0}, "most"),
        ({"most": 25}, "most"),
        ({"least": 10}, "least"),
        ({"no_repeat": -1}, "no_repeat"),
        ({"length_penalty": float("nan")}, "length_penalty"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(asked: dict[str, Any], name: str) -> None:
    decoder = TinyDecoder(1)
    with pytest.raises(UsageError, match=f"{name} is out of range"):
        best_sentences(decoder, decoder.windows(1), Search(**{"beams": 2, "most": 10, **asked}))


def test_a_window_that_tells_nothing_is_refused() -> None:
    decoder = TinyDecoder(1)
    told = decoder.windows(2)
    told.mask[1] = 0
    with pytest.raises(InputError, match="a window tells nothing"):
        best_sentences(decoder, told, search(1))


def test_numbers_that_are_no_numbers_are_an_error() -> None:
    class Broken(TinyDecoder):
        def step(self, *given: Any) -> Any:
            logits, keys, values = super().step(*given)
            return logits * np.nan, keys, values

    decoder = Broken(1)
    with pytest.raises(ModelError, match="logits are not finite"):
        best_sentences(decoder, decoder.windows(1), search(2))


@pytest.mark.parametrize("word", [-1, 14, 10**30, 1.5, "red", None, True])
def test_a_prefix_of_words_that_there_are_not_is_refused(word: Any) -> None:
    decoder = TinyDecoder(1)
    with pytest.raises(UsageError, match="a word of the prefix is out of range"):
        best_sentences(decoder, decoder.windows(1), search(2), prefix=(5, word))
    assert decoder.shapes == []


@pytest.mark.parametrize("penalty", [float("nan"), 101, "1", None])
def test_a_length_penalty_that_is_no_number_in_range_is_refused(penalty: Any) -> None:
    decoder = TinyDecoder(1)
    with pytest.raises(UsageError, match="length_penalty is out of range"):
        best_sentences(decoder, decoder.windows(1), search(2, length_penalty=penalty))


def test_no_window_at_all_has_no_sentences() -> None:
    decoder = TinyDecoder(1)
    assert best_sentences(decoder, decoder.windows(0), search(2)) == []
