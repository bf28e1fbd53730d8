"""Packed encoders of every kind against their padded modules, on the CPU."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from videobert.base.errors import InputError
from videobert.model.config import EncoderConfig
from videobert_modeling.models import VideoBert, tiny
from videobert_modeling.models.encoders.text import TextEncoder
from videobert_modeling.packed import PackedEncoder, packable

LONGEST = tiny().encoder.positions
RAGGED = [(1,), (LONGEST,), (7, LONGEST, 2), (63, 65, 1, 64), tuple(range(1, 12))]
WORDS = 40
Inputs = dict[str, npt.NDArray[Any]]


def _shaken(module: nn.Module) -> nn.Module:
    """Biases and LayerNorm too, which start at 0 and 1."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def _text_encoder(heads: int, width: int, **more: Any) -> nn.Module:
    torch.manual_seed(heads)
    config = EncoderConfig(layers=2, width=width, heads=heads, feed_forward=96, positions=LONGEST, **more)
    return _shaken(TextEncoder(config, WORDS))


@pytest.fixture(scope="module")
def encoders(model: VideoBert) -> Mapping[str, nn.Module]:
    return {
        "joint": model.encoder,
        "text, heads of 64": _text_encoder(1, 64),
        "text, heads of 24": _text_encoder(4, 96),
        "text, one segment": _text_encoder(2, 64, segments=1, layer_norm_eps=1e-5),
    }


KINDS = ("joint", "text, heads of 64", "text, heads of 24", "text, one segment")


def _inputs(kind: str, *lengths: int, length: int | None = None) -> Inputs:
    rng = np.random.default_rng(sum(lengths))
    shape = (len(lengths), max(lengths) if length is None else length)
    given: Inputs = {"ids": rng.integers(WORDS, size=shape), "lengths": np.array(lengths, np.int64)}
    return given | {"segments": rng.integers(2, size=shape)} if kind == "joint" else given


def _real(inputs: Inputs) -> npt.NDArray[np.bool_]:
    """bool `(batch, length)`: the places that count."""
    return np.arange(inputs["ids"].shape[1]) < inputs["lengths"][:, None]


def _padded(module: nn.Module, inputs: Inputs) -> npt.NDArray[np.float64]:
    with torch.inference_mode():
        states = module(**{name: torch.from_numpy(array) for name, array in inputs.items()})
    return states.double().numpy()


@pytest.mark.parametrize("lengths", RAGGED, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_the_padded_modules(
    kind: str, lengths: tuple[int, ...], encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    inputs = _inputs(kind, *lengths)
    expected, states = _padded(encoders[kind], inputs), packed_encoder(encoders[kind]).states(**inputs)
    assert states.dtype == np.float32
    assert states.shape == expected.shape
    real = _real(inputs)
    assert np.abs(states - expected)[real].max() <= 1e-5 * max(1, np.abs(expected[real]).max())
    assert not states[~real].any()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_in_half_precision_the_error_is_at_most_twice_that_of_the_padded_modules(
    kind: str, dtype: torch.dtype, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    inputs = _inputs(kind, 90, 33, 5)
    exact = _padded(copy.deepcopy(encoders[kind]).double(), inputs)
    plain = _padded(copy.deepcopy(encoders[kind]).to(dtype), inputs)
    ours = packed_encoder(encoders[kind], dtype=dtype).states(**inputs)
    error, allowed = (np.abs(states - exact)[_real(inputs)].max() for states in (ours, plain))
    assert 0 < error <= 2 * allowed


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_past_a_length_cannot_matter(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    packed, inputs = packed_encoder(encoders[kind]), _inputs(kind, 20, 3, 11)
    states = packed.states(**inputs)
    pads = ~_real(inputs)
    for garbage in (-1, 2**62, -(2**63), int(np.float64(np.nan).view(np.int64))):
        for name in inputs.keys() - {"lengths"}:
            inputs[name][pads] = garbage
        assert np.array_equal(packed.states(**inputs), states)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wider_padded_batch_gives_the_same_states(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    packed, inputs = packed_encoder(encoders[kind]), _inputs(kind, 9, 4)
    wide = {
        name: array if name == "lengths" else np.pad(array, ((0, 0), (0, 31)), constant_values=-7)
        for name, array in inputs.items()
    }
    states = packed.states(**wide)
    assert np.array_equal(states[:, :9], packed.states(**inputs))
    assert not states[:, 9:].any()


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_have_no_influence_beyond_rounding(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    packed, inputs = packed_encoder(encoders[kind]), _inputs(kind, 20, 64, 11)
    together = packed.states(**inputs)
    for row, length in enumerate(inputs["lengths"]):
        one = {name: array[row : row + 1] for name, array in inputs.items()}
        cut = {name: array if name == "lengths" else array[:, :length] for name, array in one.items()}
        alone = packed.states(**cut)
        assert np.abs(together[row, :length] - alone[0]).max() <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_no_sequence_is_no_state(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    nothing = {name: array[:0] for name, array in _inputs(kind, 6).items()}
    states = packed_encoder(encoders[kind]).states(**nothing)
    assert states.shape[:2] == (0, 6)


def test_a_sequence_longer_than_the_positions_is_an_input_error(
    encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    for kind, said in (("joint", "the joint sequence"), ("text, heads of 64", "the text")):
        with pytest.raises(InputError, match=f"{said} is too long.*129 positions"):
            packed_encoder(encoders[kind]).states(**_inputs(kind, LONGEST + 1))


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("ids", -1, "an id"),
        ("ids", tiny().vocabulary, "an id"),
        ("segments", 2, "a segment"),
        ("lengths", 0, "a length"),
        ("lengths", 6, "a length"),
    ],
)
def test_values_out_of_range_are_named(
    part: str, value: int, message: str, model: VideoBert, packed_encoder: Callable[..., PackedEncoder]
) -> None:
    inputs = _inputs("joint", 5, 5)
    inputs[part][(1, 3)[: inputs[part].ndim]] = value
    with pytest.raises(InputError, match=rf"{message} is out of range; got {value}"):
        packed_encoder(model.encoder).states(**inputs)


def test_the_models_weights_are_shared_where_they_fit(
    model: VideoBert, packed_encoder: Callable[..., PackedEncoder]
) -> None:
    packed = packed_encoder(model.encoder)
    assert packed._embeddings.tables.tokens.data_ptr() == model.encoder.tokens.weight.data_ptr()
    assert packed._stack.layers[1].qkv.data_ptr() == model.encoder.layers[1].attention.qkv.weight.data_ptr()


def test_only_heads_and_widths_without_a_kernel_are_remarked_on(encoders: Mapping[str, nn.Module]) -> None:
    remarks = {kind: packable(module).remark for kind, module in encoders.items()}  # type: ignore[union-attr]
    assert remarks.pop("text, heads of 24") == (
        "heads of 24 filled up with zeros to 32: only those of (32, 64, 128) have a kernel"
    )
    assert set(remarks.values()) == {None}
    too_large = _text_encoder(1, 160)
    assert packable(too_large) == "padded sequences, as heads of 160 have no kernel, only those of (32, 64, 128)"
    assert packable(nn.Identity()) == "padded sequences, as Identity has no packed form"


def test_without_graphs_nothing_is_prepared_and_nothing_is_missed(
    model: VideoBert, packed_encoder: Callable[..., PackedEncoder], caplog: pytest.LogCaptureFixture
) -> None:
    packed = packed_encoder(model.encoder)
    packed.prepare()
    with caplog.at_level(logging.WARNING):
        packed.states(**_inputs("joint", 3))
    assert packed.unprepared == 0
    assert not caplog.records
