"""The decoder against a plain re-derivation in float64, whole sentences and step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.modeling.models.encoders.univl_decoder_float64 import PlainDecoder
from torch import Tensor

from videobert_modeling.models.encoders.decoder import Decoder

Told = tuple[np.ndarray, np.ndarray, np.ndarray]
Tables = tuple[Tensor, Tensor]


class Sentences:
    """The decoder on sentences, all places of which are real but where the mask says otherwise."""

    def __init__(self, decoder: Decoder, tables: Tables, states: np.ndarray, mask: np.ndarray) -> None:
        self._decoder, self._tables, self.mask = decoder, tables, torch.from_numpy(mask)
        with torch.inference_mode():
            self.memory = decoder.memory(torch.from_numpy(states))

    def past(self, places: int) -> tuple[Tensor, Tensor]:
        """A cache of so many places, filled with what must not matter."""
        batch, layers, _, width = self.memory[0].shape
        return torch.full((batch, layers, places, width), 1e4), torch.full((batch, layers, places, width), -1e4)

    def __call__(self, ids: Tensor, past: tuple[Tensor, Tensor] | None = None, lengths: Tensor | None = None):
        past = self.past(1) if past is None else past
        lengths = torch.zeros(len(ids), dtype=torch.int64) if lengths is None else lengths
        with torch.inference_mode():
            return self._decoder(*self._tables, ids, *past, lengths, *self.memory, self.mask)


@pytest.fixture
def sentences(univl_decoder: Decoder, decoder_tables: Tables, told: Told) -> Sentences:
    return Sentences(univl_decoder, decoder_tables, *told[1:])


def assert_near(found: Tensor, wanted: np.ndarray, tolerance: float = 1e-4) -> None:
    assert found.shape == wanted.shape
    assert np.abs(found.numpy() - wanted).max() <= tolerance * max(1, np.abs(wanted).max())


def test_logits_are_those_of_the_plain_decoder(sentences: Sentences, plain_decoder: PlainDecoder, told: Told):
    ids, states, mask = told
    logits, _, _ = sentences(torch.from_numpy(ids))
    for row in range(len(ids)):
        assert_near(logits[row], plain_decoder.logits(ids[row].tolist(), states[row], mask[row]), 1e-5)


def test_steps_with_a_cache_equal_the_whole_sentence(sentences: Sentences, told: Told):
    ids = torch.from_numpy(told[0])
    whole, keys, values = sentences(ids)
    cache = sentences.past(ids.shape[1])
    for at in range(ids.shape[1]):
        lengths = torch.full((len(ids),), at)
        logits, key, value = sentences(ids[:, at : at + 1], cache, lengths)
        assert_near(logits[:, 0], whole[:, at].numpy(), 1e-5)
        for kept, new, all_at_once in zip(cache, (key, value), (keys, values), strict=True):
            kept[:, :, at] = new[:, :, 0]
            assert_near(new[:, :, 0], all_at_once[:, :, at].numpy(), 1e-5)


def test_each_row_may_have_another_past(sentences: Sentences, told: Told):
    ids = torch.from_numpy(told[0])
    whole, keys, values = sentences(ids)
    cache = sentences.past(7)
    begun = torch.tensor([2, 5])
    for kept, new in zip(cache, (keys, values), strict=True):
        for row, length in enumerate(begun):
            kept[row, :, :length] = new[row, :, :length]
    rest = torch.stack([ids[row, length : length + 4] for row, length in enumerate(begun)])
    logits, _, _ = sentences(rest, cache, begun)
    for row, length in enumerate(begun):
        assert_near(logits[row], whole[row, length : length + 4].numpy(), 1e-5)


def test_what_stands_in_places_of_no_meaning_cannot_matter(
    univl_decoder: Decoder, decoder_tables: Tables, told: Told, sentences: Sentences
):
    ids, states, mask = told
    changed = np.where(mask[..., None] > 0, states, 1e3).astype(np.float32)
    other = Sentences(univl_decoder, decoder_tables, changed, mask)
    assert torch.equal(other(torch.from_numpy(ids))[0], sentences(torch.from_numpy(ids))[0])
    filled = tuple(torch.zeros_like(part) for part in sentences.past(1))
    assert torch.equal(sentences(torch.from_numpy(ids), filled)[0], sentences(torch.from_numpy(ids))[0])


def test_a_later_word_changes_no_earlier_one(sentences: Sentences, told: Told):
    ids = torch.from_numpy(told[0])
    changed = ids.clone()
    changed[:, 5:] = 3
    assert torch.equal(sentences(changed)[0][:, :5], sentences(ids)[0][:, :5])
    assert not torch.equal(sentences(changed)[0][:, 5:], sentences(ids)[0][:, 5:])


def test_a_sentence_alone_equals_one_among_others(
    univl_decoder: Decoder, decoder_tables: Tables, told: Told, sentences: Sentences
):
    ids, states, mask = told
    together = sentences(torch.from_numpy(ids))[0]
    for row in range(len(ids)):
        one = slice(row, row + 1)
        alone = Sentences(univl_decoder, decoder_tables, states[one], mask[one])(torch.from_numpy(ids[one]))[0]
        assert_near(alone[0], together[row].numpy(), 1e-5)


def test_bf16_errs_at_most_twice_as_plain_torch_does(
    univl_decoder: Decoder, decoder_tables: Tables, plain_decoder: PlainDecoder, told: Told
):
    """As the torch engine computes it, against the same network with every value in bf16."""
    import copy

    ids, states, mask = told
    wanted = np.stack([plain_decoder.logits(ids[row].tolist(), states[row], mask[row]) for row in range(len(ids))])
    with torch.autocast("cpu", torch.bfloat16):
        ours, _, _ = Sentences(univl_decoder, decoder_tables, states, mask)(torch.from_numpy(ids))
    half = copy.deepcopy(univl_decoder).bfloat16()
    plain = Sentences.__new__(Sentences)
    plain._decoder, plain.mask = half, torch.from_numpy(mask)
    plain._tables = tuple(table.bfloat16() for table in decoder_tables)
    with torch.inference_mode():
        plain.memory = half.memory(torch.from_numpy(states).bfloat16())
        past = tuple(torch.zeros(2, 2, 1, 96, dtype=torch.bfloat16) for _ in range(2))
        theirs, _, _ = plain(torch.from_numpy(ids), past)

    def error(found: Tensor) -> float:
        return float(np.sqrt(((found.double().numpy() - wanted) ** 2).mean()))

    assert 0 < error(ours) <= 2 * error(theirs)
