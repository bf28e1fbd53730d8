"""The packed encoder against the padded modules, on the CPU."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from videobert.base.errors import InputError
from videobert_modeling.models import VideoBert, tiny
from videobert_modeling.packed import PackedEncoder

LONGEST = tiny().encoder.positions
RAGGED = [(1,), (LONGEST,), (1, 1, 1), (7, LONGEST, 2), (63, 65, 1, 64), tuple(range(1, 12))]


@pytest.fixture(scope="module")
def packed(model: VideoBert) -> PackedEncoder:
    return PackedEncoder(model, "cpu", torch.float32)


def _padded(model: VideoBert, batch: tuple[np.ndarray, ...]) -> np.ndarray:
    with torch.inference_mode():
        return model.encode(*(torch.from_numpy(array) for array in batch)).float().numpy()


@pytest.mark.parametrize("lengths", RAGGED, ids=str)
def test_states_are_those_of_the_padded_modules(
    lengths: tuple[int, ...], packed: PackedEncoder, model: VideoBert, make_batch: Callable[..., Any]
) -> None:
    batch = make_batch(*lengths)
    expected, states = _padded(model, batch), packed.states(*batch)
    assert states.dtype == np.float32
    assert states.shape == expected.shape
    for row, length in enumerate(lengths):
        assert np.abs(states[row, :length] - expected[row, :length]).max() <= 1e-5
        assert not states[row, length:].any()


def test_in_bf16_the_error_is_at_most_twice_that_of_the_padded_modules(
    model: VideoBert, make_batch: Callable[..., Any]
) -> None:
    batch = make_batch(90, 33, 5)
    half = copy.deepcopy(model).bfloat16()
    exact = _padded(copy.deepcopy(model).double(), batch)
    plain, ours = _padded(half, batch), PackedEncoder(model, "cpu", torch.bfloat16).states(*batch)
    inside = np.arange(90) < batch[2][:, None]
    error, allowed = (np.abs(states - exact)[inside].max() for states in (ours, plain))
    assert 0 < error <= 2 * allowed


def test_what_stands_past_a_length_cannot_matter(packed: PackedEncoder, make_batch: Callable[..., Any]) -> None:
    ids, segments, lengths = make_batch(20, 3, 11)
    states = packed.states(ids, segments, lengths)
    pads = np.arange(20) >= lengths[:, None]
    for garbage in (-1, 2**62, -(2**63), int(np.float64(np.nan).view(np.int64))):
        ids[pads], segments[pads] = garbage, garbage
        assert np.array_equal(packed.states(ids, segments, lengths), states)


def test_a_wider_padded_batch_gives_the_same_states(packed: PackedEncoder, make_batch: Callable[..., Any]) -> None:
    batch = make_batch(9, 4, length=9)
    wide = [np.pad(array, ((0, 0), (0, 31)), constant_values=-7) for array in batch[:2]]
    states = packed.states(*wide, batch[2])
    assert np.array_equal(states[:, :9], packed.states(*batch))
    assert not states[:, 9:].any()


def test_neighbours_have_no_influence_beyond_rounding(packed: PackedEncoder, make_batch: Callable[..., Any]) -> None:
    ids, segments, lengths = make_batch(20, 64, 11)
    together = packed.states(ids, segments, lengths)
    for row, length in enumerate(lengths):
        one = slice(row, row + 1)
        alone = packed.states(ids[one, :length], segments[one, :length], lengths[one])
        assert np.abs(together[row, :length] - alone[0]).max() <= 1e-5


def test_no_sequence_is_no_state(packed: PackedEncoder) -> None:
    nothing = np.zeros((0, 6), np.int64)
    assert packed.states(nothing, nothing, nothing[:, 0]).shape == (0, 6, tiny().encoder.width)


def test_a_sequence_longer_than_the_positions_is_an_input_error(
    packed: PackedEncoder, make_batch: Callable[..., Any]
) -> None:
    with pytest.raises(InputError, match="129 positions"):
        packed.states(*make_batch(LONGEST + 1))


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [(0, -1, "an id"), (0, tiny().vocabulary, "an id"), (1, 2, "a segment"), (2, 0, "a length"), (2, 6, "a length")],
)
def test_values_out_of_range_are_named(
    part: int, value: int, message: str, packed: PackedEncoder, make_batch: Callable[..., Any]
) -> None:
    batch = make_batch(5, 5)
    batch[part][(1, 3)[: batch[part].ndim]] = value
    with pytest.raises(InputError, match=rf"{message} is out of range; got {value}"):
        packed.states(*batch)


def test_the_models_weights_are_shared_where_they_fit(model: VideoBert) -> None:
    packed = PackedEncoder(model, "cpu", torch.float32)
    assert packed._weights.tokens.data_ptr() == model.encoder.tokens.weight.data_ptr()
    assert packed._weights.layers[1].qkv.data_ptr() == model.encoder.layers[1].attention.qkv.weight.data_ptr()


def test_without_graphs_nothing_is_prepared_and_nothing_is_missed(
    packed: PackedEncoder, make_batch: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    packed.prepare()
    with caplog.at_level(logging.WARNING):
        packed.states(*make_batch(3))
    assert packed.unprepared == 0
    assert not caplog.records
