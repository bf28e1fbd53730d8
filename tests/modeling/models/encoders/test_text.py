"""The encoder of words alone against transformers' BERT with the same random weights."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from tests.real_everyday import needs_everyday
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from videobert.base.errors import InputError
from videobert.get.layouts.minilm import minilm
from videobert.model.config import EncoderConfig, ModelConfig
from videobert.model.folder import find
from videobert_modeling.models.encoders.text import TextEncoder

SIZES = EncoderConfig(layers=3, width=96, heads=3, feed_forward=200, positions=128)
WORDS = 300
THINGS = ("archery", "a dog", "flipping pancakes", "two people at a table", "snow", "Playing cricket!", "rain in Spain",
          "a very small café", "someone who is juggling", "nothing")  # fmt: skip
TEMPLATES = ("{}", "a video of {}", "{}, then a pause, then {} again", "Is this {} or is it not?", "people watch {}.")


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


@needs_everyday
def test_real_weights_give_the_sentences_of_transformers_bert():
    folder = find("everyday")
    sizes = ModelConfig.read(folder / "config.json")
    prefix = "text_encoder."
    with safe_open(folder / "model.safetensors", "pt") as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 - not a dict
        state = {name.removeprefix(prefix): file.get_tensor(name).float() for name in names}
    ours = TextEncoder(sizes.encoder, sizes.words)
    ours.load_state_dict(state)
    bert = BertModel(
        BertConfig(
            vocab_size=sizes.words,
            hidden_size=sizes.encoder.width,
            num_hidden_layers=sizes.encoder.layers,
            num_attention_heads=sizes.encoder.heads,
            intermediate_size=sizes.encoder.feed_forward,
            max_position_embeddings=sizes.encoder.positions,
            layer_norm_eps=sizes.encoder.layer_norm_eps,
            attn_implementation="eager",
        ),
        add_pooling_layer=False,
    )
    bert.load_state_dict(_theirs(state, sizes.encoder.layers), strict=False)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sentences = [template.replace("{}", thing) for thing in THINGS for template in TEMPLATES]
    assert len(sentences) == 50
    texts = [tokenizer.encode(sentence).ids for sentence in sentences]
    lengths = torch.tensor([len(text) for text in texts])
    ids = torch.zeros(len(texts), int(lengths.max()), dtype=torch.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = torch.tensor(text)
    mask = torch.arange(ids.shape[1])[None] < lengths[:, None]
    with torch.inference_mode():
        states = ours.eval()(ids, lengths)
        expected = bert.eval()(ids, attention_mask=mask.long()).last_hidden_state
        exact, theirs = ours.double()(ids, lengths), bert.double()(ids, attention_mask=mask.long()).last_hidden_state
    assert (_sentences(states, mask) - _sentences(expected, mask)).abs().max() <= 1e-5
    assert (exact - theirs)[mask].abs().max() <= 1e-10


def _sentences(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The published pooling: the mean over the real places, at length 1."""
    return torch.nn.functional.normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=1)


def _theirs(state: dict[str, torch.Tensor], layers: int) -> dict[str, torch.Tensor]:
    """Our tensors under the names of transformers' BERT."""
    renamed = {
        "embeddings.word_embeddings.weight": state["tokens.weight"],
        "embeddings.position_embeddings.weight": state["positions.weight"],
        "embeddings.token_type_embeddings.weight": state["segments.weight"],
    }
    parts = {
        "attention.output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "inner": "intermediate.dense",
        "outer": "output.dense",
        "outer_norm": "output.LayerNorm",
    }
    for kind in ("weight", "bias"):
        renamed[f"embeddings.LayerNorm.{kind}"] = state[f"norm.{kind}"]
        for index in range(layers):
            here, there = f"layers.{index}.", f"encoder.layer.{index}."
            split = state[f"{here}attention.qkv.{kind}"].chunk(3)
            for name, value in zip(("query", "key", "value"), split, strict=True):
                renamed[f"{there}attention.self.{name}.{kind}"] = value
            for mine, name in parts.items():
                renamed[f"{there}{name}.{kind}"] = state[f"{here}{mine}.{kind}"]
    return renamed
