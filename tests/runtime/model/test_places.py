"""Real places of an output: those of a sequence, and those of two sequences behind each other."""

from __future__ import annotations

import numpy as np

from videobert.model.config import EncoderConfig, ModelConfig, TwoStreamsConfig
from videobert.model.places import mean_of_places, real_places
from videobert.model.univl_stages import two_stream_stages

CONFIG = ModelConfig(name="tiny", words=11, visual_tokens=5, encoder=EncoderConfig(layers=1, width=2, heads=1))
SPECS = {
    spec.name: spec
    for spec in two_stream_stages(
        CONFIG, TwoStreamsConfig(video=CONFIG.encoder, fusion=CONFIG.encoder, decoder=CONFIG.encoder)
    )
}


def states(batch: int, length: int) -> np.ndarray:
    return np.zeros((batch, length, 2), np.float32)


def test_both_streams_have_their_own() -> None:
    spec = SPECS["cross_encoder"]
    inputs = {
        "text_states": states(2, 2),
        "text_lengths": np.array([1, 2]),
        "video_states": states(2, 3),
        "video_lengths": np.array([3, 1]),
    }
    real = real_places(spec, spec.outputs[0], inputs)
    assert real is not None
    assert real.astype(int).tolist() == [[1, 0, 1, 1, 1], [1, 1, 1, 0, 0]]


def test_a_stage_that_is_told_of_no_padding_has_none() -> None:
    for name in ("text_head", "decoder_memory", "decoder"):
        spec = SPECS[name]
        assert real_places(spec, spec.outputs[0], {}) is None


def test_a_mean_is_of_the_places_that_count() -> None:
    states = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    counts = np.array([[True, False, True], [False, False, False]])
    assert mean_of_places(states, counts).tolist() == [[2, 3], [0, 0]]
