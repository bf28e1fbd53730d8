"""The decoder of a UniVL checkpoint: every tensor accounted for, and what is wrong with one said."""

from __future__ import annotations

import pytest
import torch

from videobert.base.errors import ModelError
from videobert.model.config import EncoderConfig
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.univl_decoder_layout import decoder_sizes, take_decoder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.encoders.decoder import Decoder

State = dict[str, torch.Tensor]
INNER = "decoder.decoder.layer.0.intermediate.dense.weight"


@pytest.fixture
def state(univl_state: State) -> State:
    return {name: tensor for name, tensor in univl_state.items() if name.startswith("decoder.")}


def read(state: State, heads: int = 4, *, strict: bool = True) -> tuple[State, Ledger]:
    ledger = Ledger("UniVL", "made")
    intake = Intake(state, ledger, strict=strict)
    sizes = decoder_sizes(intake, heads=heads, positions=64)
    assert sizes is not None
    taken = take_decoder(
        intake,
        sizes,
        words=state["decoder.classifier.cls.predictions.decoder.weight"],
        positions=state["decoder.embeddings.position_embeddings.weight"],
    )
    intake.finish()
    return taken, ledger


def test_every_tensor_has_its_place(state: State) -> None:
    taken, ledger = read(state)
    sizes = EncoderConfig(layers=2, width=96, heads=4, feed_forward=192, positions=64, segments=1)
    wanted = Decoder(sizes, 500).state_dict()
    assert {name: tensor.shape for name, tensor in taken.items()} == {
        f"decoder.{name}": tensor.shape for name, tensor in wanted.items()
    }
    assert {entry.name for entry in ledger.entries} == set(state)
    assert (ledger.count("tied"), ledger.count("unexplained")) == (3, 0)


def test_queries_keys_and_values_are_stacked_in_order(state: State) -> None:
    taken, _ = read(state)
    attention = "decoder.decoder.layer.1.{}_attn.att.{}.weight"
    own = [state[attention.format("slf", part)] for part in ("query", "key", "value")]
    told = [state[attention.format("enc", part)] for part in ("key", "value")]
    assert torch.equal(taken["decoder.layers.1.attention.qkv.weight"], torch.cat(own))
    assert torch.equal(taken["decoder.layers.1.memory_attention.key_value.weight"], torch.cat(told))
    asked = taken["decoder.layers.1.memory_attention.query.weight"]
    assert torch.equal(asked, state[attention.format("enc", "query")])


def test_tables_that_a_file_leaves_out_are_not_missed(state: State) -> None:
    names = [name for name in state if name.endswith("embeddings.weight")]
    words, positions = (state[name] for name in names)
    intake = Intake({n: t for n, t in state.items() if n not in names}, Ledger("UniVL", "made"))
    sizes = decoder_sizes(intake, heads=4, positions=64)
    assert sizes is not None
    take_decoder(intake, sizes, words=words, positions=positions)
    intake.finish()


def test_a_checkpoint_without_decoder_has_none(univl_state: State) -> None:
    others = {name: tensor for name, tensor in univl_state.items() if not name.startswith("decoder.")}
    assert decoder_sizes(Intake(others, Ledger("UniVL", "made")), heads=4, positions=64) is None


@pytest.mark.parametrize("name", [INNER, "decoder.decoder.layer.1.enc_attn.att.value.bias"])
def test_a_missing_tensor_is_said(state: State, name: str) -> None:
    del state[name]
    with pytest.raises(ModelError, match=f"the checkpoint.* has no (tensor|matrix) {name}"):
        read(state)


def test_an_extra_tensor_is_unexplained(state: State) -> None:
    state["decoder.decoder.layer.2.output.dense.bias"] = torch.zeros(96)
    with pytest.raises(ModelError, match=r"layer\.2\.output"):
        read(state)


@pytest.mark.parametrize("name", ["decoder.decoder.layer.1.output.dense.weight", INNER])
def test_a_transposed_matrix_is_refused(state: State, name: str) -> None:
    state[name] = state[name].T.contiguous()
    with pytest.raises(ModelError, match="another shape"):
        read(state)


def test_a_table_that_is_not_tied_is_refused(state: State) -> None:
    name = "decoder.embeddings.word_embeddings.weight"
    state[name] = state[name] + 1
    with pytest.raises(ModelError, match=f"{name} should repeat text_encoder.tokens.weight"):
        read(state)
    _, ledger = read(state, strict=False)
    assert ledger.count("ignored") == 1


def test_heads_must_share_the_width(state: State) -> None:
    with pytest.raises(ModelError, match="7 attention heads cannot share a width of 96"):
        read(state, heads=7)
