"""The encoder of words alone against transformers' BERT with the same random weights."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig, BertModel

from videobert.base.errors import InputError
from videobert.get.layouts.minilm import minilm
from videobert.model.config import EncoderConfig
from videobert_modeling.models.encoders.text import TextEncoder

SIZES = EncoderConfig(layers=3, width=96, heads=3, feed_forward=200, positions=128)
WORDS = 300


@pytest.fixture(scope="module")
def bert() -> BertModel:
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=WORDS,
            hidden_size=SIZES.width,
            num_hidden_layers=SIZES.layers,
            num_attention_heads=SIZES.heads,
            intermediate_size=SIZES.feed_forward,
            max_position_embeddings=SIZES.positions,
            attn_implementation="eager",
        )
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and LayerNorm too, which start at 0 and 1
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def ours(bert: BertModel) -> TextEncoder:
    tensors, _ = minilm({name: tensor.numpy() for name, tensor in bert.state_dict().items()}, SIZES, WORDS)
    model = TextEncoder(SIZES, WORDS)
    model.load_state_dict({name: torch.from_numpy(array) for name, array in tensors.items()})
    return model.eval()


def _ids(count: int, length: int) -> torch.Tensor:
    return torch.randint(WORDS, (count, length), generator=torch.Generator().manual_seed(length))


@pytest.mark.parametrize("lengths", [[1], [7], [128], [1, 2], [65, 3, 40]], ids=str)
def test_states_equal_bert(ours: TextEncoder, bert: BertModel, lengths: list[int]):
    ids, valid = _ids(len(lengths), max(lengths)), torch.tensor(lengths)
    mask = (torch.arange(max(lengths))[None] < valid[:, None]).long()
    with torch.inference_mode():
        states = ours(ids, valid)
        expected = bert(ids, attention_mask=mask).last_hidden_state
    assert states.shape == expected.shape
    for i, n in enumerate(lengths):
        assert (states[i, :n] - expected[i, :n]).abs().max() <= 1e-5


def test_padding_has_no_influence(ours: TextEncoder):
    ids, valid = _ids(2, 30), torch.tensor([30, 11])
    other = ids.clone()
    other[1, 11:] = WORDS - 1 - ids[1, 11:]
    with torch.inference_mode():
        before, after = ours(ids, valid), ours(other, valid)
    assert torch.equal(before[0], after[0])
    assert torch.equal(before[1, :11], after[1, :11])


def test_a_text_longer_than_the_positions_is_an_input_error(ours: TextEncoder):
    with pytest.raises(InputError, match="129"):
        ours(_ids(1, 129), torch.tensor([129]))
