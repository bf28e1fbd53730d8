"""UniVL's decoder with weights that follow from their names, as its importer reads it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.modeling.models.encoders.univl_decoder_float64 import PlainDecoder

from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.univl_decoder_layout import decoder_sizes, take_decoder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.encoders.decoder import Decoder

HEADS = 4


@pytest.fixture(scope="session")
def decoder_tables(univl_state: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Words and positions."""
    names = ("word", "position")
    words, positions = (univl_state[f"bert.embeddings.{name}_embeddings.weight"] for name in names)
    return words, positions


@pytest.fixture(scope="session")
def univl_decoder(univl_state: dict[str, torch.Tensor], decoder_tables: tuple[torch.Tensor, torch.Tensor]) -> Decoder:
    words, positions = decoder_tables
    intake = Intake(univl_state, Ledger("UniVL", "made"))
    sizes = decoder_sizes(intake, heads=HEADS, positions=len(positions))
    assert sizes is not None
    state = take_decoder(intake, sizes, words=words, positions=positions)
    decoder = Decoder(sizes, len(words))
    decoder.load_state_dict({name.removeprefix("decoder."): tensor for name, tensor in state.items()})
    return decoder.eval()


@pytest.fixture(scope="session")
def plain_decoder(univl_state: dict[str, torch.Tensor]) -> PlainDecoder:
    arrays = {name: value.numpy() for name, value in univl_state.items() if name.startswith("decoder.")}
    return PlainDecoder(arrays, HEADS)


@pytest.fixture(scope="session")
def told() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Caption ids `(2, 9)`, states that are told of `(2, 44, 96)` and their mask, with gaps between two streams."""
    random = np.random.default_rng(11)
    mask = np.zeros((2, 44), np.int64)
    mask[0, :20] = mask[0, 20:44] = mask[1, :7] = mask[1, 20:31] = 1
    states = random.standard_normal((2, 44, 96)).astype(np.float32)
    return random.integers(0, 500, (2, 9)), states, mask
