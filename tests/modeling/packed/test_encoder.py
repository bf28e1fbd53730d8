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
from videobert_modeling.models.encoders.cross import CrossEncoder
from videobert_modeling.models.encoders.text import TextEncoder
from videobert_modeling.models.encoders.video import VideoEncoder
from videobert_modeling.packed import PackedEncoder, packable

LONGEST = tiny().encoder.positions
RAGGED = [(1,), (LONGEST,), (7, LONGEST, 2), (63, 65, 1, 64), tuple(range(1, 12))]
WORDS, FEATURE = 40, 12
Inputs = dict[str, npt.NDArray[Any]]


def _shaken(module: nn.Module) -> nn.Module:
    """Biases and LayerNorm too, which start at 0 and 1."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return module.eval()


def _config(heads: int, width: int, **more: Any) -> EncoderConfig:
    torch.manual_seed(heads)
    return EncoderConfig(layers=2, width=width, heads=heads, feed_forward=96, **{"positions": LONGEST, **more})


def _text_encoder(heads: int, width: int, **more: Any) -> nn.Module:
    return _shaken(TextEncoder(_config(heads, width, **more), WORDS))


@pytest.fixture(scope="module")
def encoders(model: VideoBert) -> Mapping[str, nn.Module]:
    return {
        "joint": model.encoder,
        "text, heads of 64": _text_encoder(1, 64),
        "text, heads of 24": _text_encoder(4, 96),
        "text, one segment": _text_encoder(2, 64, segments=1, layer_norm_eps=1e-5),
        "video": _shaken(VideoEncoder(_config(2, 64), FEATURE, normalize=True)),
        "video, features as they are": _shaken(VideoEncoder(_config(4, 96), FEATURE, normalize=False)),
        "concat": _shaken(CrossEncoder(_config(1, 64, positions=2 * LONGEST), "concat")),
        "cross_attention": _shaken(CrossEncoder(_config(4, 96, positions=2 * LONGEST), "cross_attention")),
    }


KINDS = (
    *("joint", "text, heads of 64", "text, heads of 24", "text, one segment"),
    *("video", "video, features as they are", "concat", "cross_attention"),
)


def _inputs(kind: str, *lengths: int, length: int | None = None) -> Inputs:
    """Inputs of a stage; of one with two streams the second has the lengths in another order."""
    rng = np.random.default_rng(sum(lengths))
    shape = (len(lengths), max(lengths) if length is None else length)
    counts = np.array(lengths, np.int64)

    def rows(values: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal((*shape, values)).astype(np.float32)

    if kind.startswith("video"):
        return {"features": 5 + 2 * rows(FEATURE), "lengths": counts}
    if kind in ("concat", "cross_attention"):
        width = 64 if kind == "concat" else 96
        text, video = rows(width), rows(width)
        return {
            "text_states": text,
            "text_lengths": counts,
            "video_states": video,
            "video_lengths": counts[::-1].copy(),
        }
    given: Inputs = {"ids": rng.integers(WORDS, size=shape), "lengths": counts}
    return given | {"segments": rng.integers(2, size=shape)} if kind == "joint" else given


def _with_length(inputs: Inputs, change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Inputs:
    """The inputs, with what has a length changed."""
    return {name: array if name.endswith("lengths") else change(array) for name, array in inputs.items()}


def _real(inputs: Inputs) -> npt.NDArray[np.bool_]:
    """bool `(batch, length)`: the places that count."""
    lengths = [array for name, array in inputs.items() if name.endswith("lengths")]
    streams = [array for name, array in inputs.items() if array.ndim > 1][: len(lengths)]
    inside = [np.arange(s.shape[1]) < count[:, None] for s, count in zip(streams, lengths, strict=True)]
    return np.concatenate(inside, axis=1)


def _padded(module: nn.Module, inputs: Inputs) -> npt.NDArray[np.float64]:
    dtype = next(module.parameters()).dtype
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.inference_mode():
        states = module(**{name: t.to(dtype) if t.is_floating_point() else t for name, t in tensors.items()})
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
    real = np.split(_real(inputs), [20], axis=1)
    for garbage in (-1, 2**62, -(2**63), np.nan):
        for place, array in enumerate(array for array in inputs.values() if array.ndim > 1):
            pads = ~real[place if kind in ("concat", "cross_attention") else 0]
            array[pads] = np.nan_to_num(garbage, nan=7) if array.dtype == np.int64 else garbage
        assert np.array_equal(packed.states(**inputs), states)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wider_padded_batch_gives_the_same_states(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    packed, inputs = packed_encoder(encoders[kind]), _inputs(kind, 9, 4)

    def wider(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.pad(array, ((0, 0), (0, 31), *[(0, 0)] * (array.ndim - 2)), constant_values=-7)

    wide = _with_length(inputs, wider)
    if "text_states" in wide:  # whose length says where the video's positions begin
        wide["text_states"] = inputs["text_states"]
    states, tight = packed.states(**wide), packed.states(**inputs)
    assert np.array_equal(states[:, : tight.shape[1]], tight)
    assert not states[:, tight.shape[1] :].any()


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_have_no_influence_beyond_rounding(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    packed, inputs = packed_encoder(encoders[kind]), _inputs(kind, 20, 64, 11)
    together, real = packed.states(**inputs), _real(inputs)
    for row in range(3):
        alone = packed.states(**{name: array[row : row + 1] for name, array in inputs.items()})
        assert np.abs(together[row] - alone[0])[real[row]].max() <= 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_no_sequence_is_no_state(
    kind: str, encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    inputs = _inputs(kind, 6)
    states = packed_encoder(encoders[kind]).states(**{name: array[:0] for name, array in inputs.items()})
    assert states.shape[:2] == (0, _real(inputs).shape[1])


def test_a_text_alone_is_fused_where_all_attend_to_all(
    encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    for kind in ("concat", "cross_attention"):
        inputs = _inputs(kind, 9, 4)
        inputs["video_lengths"][:] = (0, 3)
        if kind == "cross_attention":
            with pytest.raises(InputError, match="a length is out of range; got 0; allowed: 1 to 9"):
                packed_encoder(encoders[kind]).states(**inputs)
        else:
            expected, states = _padded(encoders[kind], inputs), packed_encoder(encoders[kind]).states(**inputs)
            assert np.abs(states - expected)[_real(inputs)].max() <= 1e-5


def test_a_sequence_longer_than_the_positions_is_an_input_error(
    encoders: Mapping[str, nn.Module], packed_encoder: Callable[..., PackedEncoder]
) -> None:
    for kind, said in (("joint", "the joint sequence"), ("text, heads of 64", "the text"), ("video", "the video")):
        with pytest.raises(InputError, match=f"{said} is too long.*129 positions"):
            packed_encoder(encoders[kind]).states(**_inputs(kind, LONGEST + 1))
    with pytest.raises(InputError, match=r"the text with its video is too long.*258 positions"):
        packed_encoder(encoders["concat"]).states(**_inputs("concat", LONGEST + 1))


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
    for kind in ("text, heads of 24", "video, features as they are", "cross_attention"):
        filled = "heads of 24 filled up with zeros to 32: only those of (32, 64, 128) have a kernel"
        assert remarks.pop(kind) == filled
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
