"""The joint encoder and heads against transformers' BERT with copied random weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from videobert.base.errors import InputError, ModelError
from videobert_modeling.models import VideoBert, large, tiny

CONFIG = dataclasses.replace(
    tiny(), encoder=dataclasses.replace(tiny().encoder, layers=4, width=96, heads=3, feed_forward=200)
)


@pytest.fixture(scope="module")
def bert() -> BertForMaskedLM:
    torch.manual_seed(0)
    encoder = CONFIG.encoder
    model = BertForMaskedLM(
        BertConfig(
            vocab_size=CONFIG.vocabulary,
            hidden_size=encoder.width,
            num_hidden_layers=encoder.layers,
            num_attention_heads=encoder.heads,
            intermediate_size=encoder.feed_forward,
            max_position_embeddings=encoder.positions,
            attn_implementation="eager",
        )
    ).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and LayerNorm too, which start at 0 and 1
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture(scope="module")
def ours(bert: BertForMaskedLM) -> VideoBert:
    model = VideoBert(CONFIG).eval()
    theirs = bert.state_dict()
    own = model.state_dict()

    def copy(name: str, *sources: str) -> None:
        own[name] = torch.cat([theirs[source] for source in sources])

    for kind in ("weight", "bias"):
        copy(f"encoder.norm.{kind}", f"bert.embeddings.LayerNorm.{kind}")
        copy(f"heads.transform.dense.{kind}", f"cls.predictions.transform.dense.{kind}")
        copy(f"heads.transform.norm.{kind}", f"cls.predictions.transform.LayerNorm.{kind}")
        for i in range(CONFIG.encoder.layers):
            here, there = f"encoder.layers.{i}", f"bert.encoder.layer.{i}"
            copy(
                f"{here}.attention.qkv.{kind}",
                *(f"{there}.attention.self.{p}.{kind}" for p in ("query", "key", "value")),
            )
            copy(f"{here}.attention.output.{kind}", f"{there}.attention.output.dense.{kind}")
            copy(f"{here}.attention_norm.{kind}", f"{there}.attention.output.LayerNorm.{kind}")
            copy(f"{here}.inner.{kind}", f"{there}.intermediate.dense.{kind}")
            copy(f"{here}.outer.{kind}", f"{there}.output.dense.{kind}")
            copy(f"{here}.outer_norm.{kind}", f"{there}.output.LayerNorm.{kind}")
    copy("encoder.tokens.weight", "bert.embeddings.word_embeddings.weight")
    copy("encoder.positions.weight", "bert.embeddings.position_embeddings.weight")
    copy("encoder.segments.weight", "bert.embeddings.token_type_embeddings.weight")
    copy("heads.bias", "cls.predictions.bias")
    model.load_state_dict(own)
    return model


def _batch(lengths: list[int], length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(length)
    ids = torch.randint(CONFIG.vocabulary, (len(lengths), length), generator=generator)
    segments = torch.randint(2, ids.shape, generator=generator)
    return ids, segments, torch.tensor(lengths)


@pytest.mark.parametrize("lengths", [[1], [7], [63], [128], [1, 2], [65, 3, 40], [5, 128, 127, 64]], ids=str)
def test_states_equal_bert(ours: VideoBert, bert: BertForMaskedLM, lengths: list[int]):
    ids, segments, valid = _batch(lengths, max(lengths))
    mask = (torch.arange(max(lengths))[None] < valid[:, None]).long()
    with torch.inference_mode():
        states = ours.encode(ids, segments, valid)
        expected = bert.bert(ids, token_type_ids=segments, attention_mask=mask).last_hidden_state
    assert states.shape == expected.shape
    for i, n in enumerate(lengths):
        assert (states[i, :n] - expected[i, :n]).abs().max() <= 1e-5


def test_heads_equal_their_half_of_bert(ours: VideoBert, bert: BertForMaskedLM):
    ids, segments, valid = _batch([20, 20], 20)
    with torch.inference_mode():
        states = ours.encode(ids, segments, valid)
        expected = bert(ids, token_type_ids=segments).logits
        words, visual = ours.text_logits(states[1, 3:5]), ours.visual_logits(states[1, 3:5])
    assert words.shape == (2, CONFIG.words)
    assert visual.shape == (2, CONFIG.visual_tokens)
    assert (words - expected[1, 3:5, : CONFIG.words]).abs().max() <= 1e-5
    assert (visual - expected[1, 3:5, CONFIG.words : CONFIG.joiner_id]).abs().max() <= 1e-5


def test_padding_has_no_influence(ours: VideoBert):
    ids, segments, valid = _batch([30, 11], 30)
    other_ids, other_segments = ids.clone(), segments.clone()
    other_ids[1, 11:] = CONFIG.vocabulary - 1 - ids[1, 11:]
    other_segments[1, 11:] = 1 - segments[1, 11:]
    with torch.inference_mode():
        states = ours.encode(ids, segments, valid)
        other = ours.encode(other_ids, other_segments, valid)
    assert torch.equal(states[0], other[0])
    assert torch.equal(states[1, :11], other[1, :11])
    assert not torch.equal(states[1, 11:], other[1, 11:])


def test_a_sequence_longer_than_the_positions_is_an_input_error(ours: VideoBert):
    ids = torch.zeros((1, 129), dtype=torch.int64)
    with pytest.raises(InputError, match="129"):
        ours.encode(ids, ids, torch.tensor([129]))


def test_alignment_gives_two_logits_per_sequence(ours: VideoBert):
    with torch.inference_mode():
        assert ours.alignment_logits(torch.randn(5, CONFIG.encoder.width)).shape == (5, 2)


@pytest.mark.parametrize("head", ["text", "visual", "alignment"])
def test_a_head_that_the_model_lacks_is_a_model_error(head: str):
    kept = tuple(name for name in CONFIG.heads if name != head)
    model = VideoBert(dataclasses.replace(CONFIG, heads=kept))
    with pytest.raises(ModelError, match=f"no {head} head"):
        getattr(model, f"{head}_logits")(torch.zeros(1, CONFIG.encoder.width))


def test_large_has_the_published_number_of_parameters():
    with torch.device("meta"):
        model = VideoBert(large())
    total = sum(p.numel() for p in model.parameters())
    assert round(total / 1e6, 1) == 357.5
    layers = sum(p.numel() for p in model.encoder.layers.parameters())
    assert round(layers / 1e6, 1) == 302.3


def test_gradients_reach_every_parameter():
    model = VideoBert(tiny(), dropout=0.1).train()
    ids, segments, valid = _batch([9, 4], 9)
    states = model.encode(ids % tiny().vocabulary, segments, valid)
    loss = model.text_logits(states[:, 1]).logsumexp(-1).sum() + model.visual_logits(states[:, 2]).logsumexp(-1).sum()
    (loss + model.alignment_logits(states[:, 0])[:, 0].sum()).backward()
    unused = [name for name, p in model.named_parameters() if p.grad is None]
    assert unused == []
