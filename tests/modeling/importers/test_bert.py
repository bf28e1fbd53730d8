"""Hugging Face BERT: each trap of the layout by itself, and equality with the original."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from videobert.base.errors import ModelError
from videobert.model.config import BackboneConfig
from videobert.visual.codebook import Codebook
from videobert_modeling.importers.bert import read_bert
from videobert_modeling.importers.shared.bert_layout import BertLayout
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D, VideoBert

WORDS, WIDTH, LAYERS = 60, 32, 2


def side(codebook: Codebook | None = None) -> VisualSide:
    with torch.device("meta"):
        backbone = S3D(0.125, 32)
    return VisualSide(backbone, BackboneConfig(width=0.125, feature_dim=32), codebook)


def codebook_of(leaves: np.ndarray) -> Codebook:
    return Codebook(leaves=leaves, distances=np.array([0, 1], np.float32), backbone_hash="", clip_hash="")


def read(path: Path, state: dict, *, strict: bool = True, **options) -> tuple[VideoBert, Ledger]:
    torch.save(state, path / "w.bin")
    ledger = Ledger("BERT", "w.bin")
    options = {"visual_tokens": 7, "heads": 4, "seed": 5, **options}
    return read_bert(path / "w.bin", side(options.pop("codebook", None)), ledger, strict=strict, **options), ledger


def statuses(ledger: Ledger) -> dict[str, str]:
    return {entry.name: entry.status for entry in ledger.entries}


def equal(one: VideoBert, other: VideoBert) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def plain(tmp_path, bert_state) -> VideoBert:
    folder = tmp_path / "plain"
    folder.mkdir()
    return read(folder, bert_state)[0]


def test_every_tensor_lands_where_it_belongs(tmp_path, bert_state):
    model, ledger = read(tmp_path, bert_state)
    state = model.state_dict()
    table = bert_state["bert.embeddings.word_embeddings.weight"]
    assert torch.equal(state["encoder.tokens.weight"][:WORDS], table)
    assert state["encoder.tokens.weight"].shape == (WORDS + 7 + 1, WIDTH)
    attention = "bert.encoder.layer.1.attention.self."
    stacked = torch.cat([bert_state[f"{attention}{part}.weight"] for part in ("query", "key", "value")])
    assert torch.equal(state["encoder.layers.1.attention.qkv.weight"], stacked)
    assert torch.equal(state["heads.bias"][:WORDS], bert_state["cls.predictions.bias"])
    assert not state["heads.bias"][WORDS:].any()
    assert {entry.name for entry in ledger.entries} == set(bert_state)
    assert ledger.count("unexplained") == 0
    assert ledger.count("tied") == 2


def test_old_layernorm_names(tmp_path, bert_state, plain):
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in bert_state.items()
    }
    assert old.keys() != bert_state.keys()
    model, ledger = read(tmp_path, old)
    assert equal(model, plain)
    assert statuses(ledger)["bert.embeddings.LayerNorm.gamma"] == "renamed"


def test_a_bare_encoder_without_the_prefix(tmp_path, bert_state, plain):
    bare = {name.removeprefix("bert."): t for name, t in bert_state.items() if name.startswith("bert.")}
    model, ledger = read(tmp_path, bare)
    assert {e.status for e in ledger.entries if e.name.startswith("heads.")} == {"missing"}
    assert all(entry.reason for entry in ledger.entries if entry.status == "missing")
    assert "prediction head: random" in ledger.uninitialised
    ours, theirs = model.encoder.state_dict(), plain.encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.isfinite(model.heads.transform.dense.weight).all()


def test_a_full_model_without_the_prefix(tmp_path, bert_state, plain):
    model, _ = read(tmp_path, {name.removeprefix("bert."): tensor for name, tensor in bert_state.items()})
    assert equal(model, plain)


@pytest.mark.parametrize(
    "left_out",
    [
        ["cls.predictions.decoder.bias"],
        ["cls.predictions.bias"],
        ["cls.predictions.decoder.weight"],
        ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"],
    ],
    ids=["no-decoder-bias", "only-decoder-bias", "no-decoder-matrix", "neither"],
)
def test_tied_copies_that_are_not_in_the_file(tmp_path, bert_state, plain, left_out):
    for name in left_out:
        del bert_state[name]
    model, ledger = read(tmp_path, bert_state)
    assert equal(model, plain)
    assert ledger.count("missing") == 0


@pytest.mark.parametrize("name", ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"])
def test_copies_that_differ_are_refused(tmp_path, bert_state, plain, name):
    bert_state[name] = bert_state[name] + 1
    with pytest.raises(ModelError, match=f"{name} should repeat"):
        read(tmp_path, bert_state)
    model, ledger = read(tmp_path, bert_state, strict=False)
    assert equal(model, plain)
    assert statuses(ledger)[name] == "ignored"


def test_buffers_of_old_files_are_ignored_for_a_reason(tmp_path, bert_state, plain):
    bert_state["bert.embeddings.position_ids"] = torch.arange(40)[None]
    model, ledger = read(tmp_path, bert_state)
    assert equal(model, plain)
    assert statuses(ledger)["bert.embeddings.position_ids"] == "ignored"


def test_next_sentence_parts_are_ignored_for_a_reason(tmp_path, bert_state, plain):
    _, ledger = read(tmp_path, bert_state)
    ignored = {entry.name: entry.reason for entry in ledger.entries if entry.status == "ignored"}
    assert set(ignored) == {
        f"{part}.{kind}" for part in ("bert.pooler.dense", "cls.seq_relationship") for kind in ("weight", "bias")
    }
    assert all("next-sentence" in reason for reason in ignored.values())
    for name in ignored:
        del bert_state[name]
    assert equal(read(tmp_path, bert_state)[0], plain)


def test_wrapper_and_module_prefix(tmp_path, bert_state, plain):
    model, ledger = read(tmp_path, {"state_dict": {f"module.{n}": t for n, t in bert_state.items()}, "epoch": 1})
    assert equal(model, plain)
    assert len(ledger.notes) == 2


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model._orig_mod."])
def test_a_compiled_model_is_the_same(tmp_path, bert_state, plain, prefix):
    model, ledger = read(tmp_path, {"state_dict": {f"{prefix}{n}": t for n, t in bert_state.items()}})
    assert equal(model, plain)
    assert any("`_orig_mod.`" in note for note in ledger.notes)


def test_an_encoder_that_was_compiled_by_itself_is_the_same(tmp_path, bert_state, plain):
    inside = {name.replace("bert.encoder.", "bert.encoder._orig_mod."): t for name, t in bert_state.items()}
    assert inside.keys() != bert_state.keys()
    assert equal(read(tmp_path, inside)[0], plain)


def test_halves_are_read(tmp_path, bert_state, plain):
    model, _ = read(tmp_path, {name: tensor.half() for name, tensor in bert_state.items()})
    for name, tensor in model.encoder.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.allclose(tensor, plain.encoder.state_dict()[name], atol=1e-3)


def test_an_unexplained_tensor_is_refused_by_name(tmp_path, bert_state):
    bert_state["bert.adapter.weight"] = torch.ones(3, 4)
    with pytest.raises(ModelError, match=r"unexplained: bert\.adapter\.weight \[3, 4\]"):
        read(tmp_path, bert_state)
    assert statuses(read(tmp_path, bert_state, strict=False)[1])["bert.adapter.weight"] == "unexplained"


def test_an_unexplained_layer_is_refused(tmp_path, bert_state):
    name = "bert.encoder.layer.3.attention.self.query.weight"  # a layer after a gap
    bert_state[name] = torch.ones(WIDTH, WIDTH)
    with pytest.raises(ModelError, match=name):
        read(tmp_path, bert_state)


@pytest.mark.parametrize(
    "name",
    [
        "bert.encoder.layer.1.output.dense.bias",
        "bert.embeddings.LayerNorm.weight",
        "bert.embeddings.position_embeddings.weight",
        "cls.predictions.transform.dense.weight",
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_a_missing_tensor_is_refused_by_name_however_lenient(tmp_path, bert_state, name, strict):
    del bert_state[name]
    with pytest.raises(ModelError, match=name.removeprefix("bert.")):
        read(tmp_path, bert_state, strict=strict)


def test_a_wrong_shape_is_refused_by_name(tmp_path, bert_state):
    name = "bert.encoder.layer.0.attention.self.key.weight"
    bert_state[name] = torch.ones(WIDTH, WIDTH + 1)
    with pytest.raises(ModelError, match=f"{name} has another shape"):
        read(tmp_path, bert_state)


def test_one_tensor_under_two_names_is_refused(tmp_path, bert_state):
    bert_state["embeddings.LayerNorm.gamma"] = torch.ones(WIDTH)
    with pytest.raises(ModelError, match="are the same one"):
        read(tmp_path, bert_state)


@pytest.mark.parametrize(
    "fields",
    [{"hidden_act": "gelu_new"}, {"model_type": "roberta"}, {"position_embedding_type": "relative_key"}],
    ids=lambda f: next(iter(f)),
)
def test_another_network_with_the_same_names_is_refused(bert_folder, bert_state, fields):
    folder = bert_folder(bert_state, **fields)
    with pytest.raises(ModelError, match=f"not a plain BERT: {next(iter(fields))}"):
        read_bert(folder, side(), Ledger("BERT", "hub"), visual_tokens=7)


def test_heads_and_eps_come_from_the_config_beside(bert_folder, bert_state):
    folder = bert_folder(bert_state, num_attention_heads=8, layer_norm_eps=1e-7)
    model = read_bert(folder, side(), Ledger("BERT", "hub"), visual_tokens=7)
    assert model.config.encoder.heads == 8
    assert model.config.encoder.layer_norm_eps == 1e-7


@pytest.mark.parametrize(
    "fields", [{"num_attention_heads": number} for number in (5, "4", -4, 0, True, None, 4.5, [])], ids=repr
)
def test_heads_that_cannot_be_are_refused(bert_folder, bert_state, fields):
    with pytest.raises(ModelError, match="heads"):
        read_bert(bert_folder(bert_state, **fields), side(), Ledger("BERT", "hub"), visual_tokens=7)


@pytest.mark.parametrize("eps", ["x", None, [], True, -1.0, float("nan"), float("inf")], ids=repr)
def test_an_eps_that_cannot_be_is_refused(bert_folder, bert_state, eps):
    with pytest.raises(ModelError, match="layer_norm_eps"):
        read_bert(bert_folder(bert_state, layer_norm_eps=eps), side(), Ledger("BERT", "hub"), visual_tokens=7)


def test_visual_rows_start_from_centroids_of_the_same_width(tmp_path, bert_state):
    leaves = np.random.default_rng(0).normal(size=(9, WIDTH)).astype(np.float32)
    model, ledger = read(tmp_path, bert_state, codebook=codebook_of(leaves), visual_tokens=None)
    rows = model.encoder.tokens.weight.detach().numpy()
    assert model.config.visual_tokens == 9
    assert np.array_equal(rows[WORDS : WORDS + 9], leaves)
    assert not np.array_equal(rows[WORDS + 9], np.zeros(WIDTH))
    assert "9 visual rows start from the centroids" in ledger.notes
    assert any("joiner" in part for part in ledger.uninitialised)
    assert any("alignment" in part for part in ledger.uninitialised)


def test_visual_rows_of_another_width_are_marked_uninitialised(tmp_path, bert_state):
    leaves = np.ones((9, WIDTH + 8), np.float32)
    model, ledger = read(tmp_path, bert_state, codebook=codebook_of(leaves), visual_tokens=None)
    rows = model.encoder.tokens.weight.detach().numpy()[WORDS : WORDS + 9]
    assert 0.01 < rows.std() < 0.03
    assert "visual rows of the token table: random" in ledger.uninitialised


def test_untrained_parts_depend_on_the_seed_alone(tmp_path, bert_state, plain):
    torch.manual_seed(123)
    assert equal(read(tmp_path, bert_state, seed=5)[0], plain)
    assert not equal(read(tmp_path, bert_state, seed=6)[0], plain)


def test_names_and_shapes_of_the_published_base_model(bert_layout_shapes):
    """BERT-base as published: old names, prefix, no decoder bias, pooler and next-sentence head."""
    shapes = bert_layout_shapes(30_522, 768, 12, 3072, 512)
    del shapes["cls.predictions.decoder.bias"]
    zeros = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): torch.zeros(
            1
        ).expand(shape)
        for name, shape in shapes.items()
    }
    assert sum(t.numel() for n, t in zeros.items() if "decoder" not in n) == 110_106_428  # published size
    ledger = Ledger("BERT", "base")
    intake = Intake(zeros, ledger)
    layout = BertLayout(intake)
    sizes = layout.encoder_config({}, None)
    assert (sizes.layers, sizes.width, sizes.heads, sizes.feed_forward) == (12, 768, 12, 3072)
    taken = layout.take(sizes)
    intake.finish()
    assert ledger.count("unexplained") == 0
    assert ledger.count("ignored") == 4
    with torch.device("meta"):
        from videobert_modeling.models import base

        expected = VideoBert(base()).state_dict()
    ours = {name: tuple(tensor.shape) for name, tensor in taken.state.items()}
    assert ours == {
        name: tuple(tensor.shape)
        for name, tensor in expected.items()
        if name not in ("encoder.tokens.weight", "heads.bias") and not name.startswith("heads.alignment.")
    }


def test_untrained_parts_are_marked(tmp_path, bert_state):
    model, _ = read(tmp_path, bert_state)
    assert model.config.untrained == ("alignment_head", "visual_tokens")
    bare = {name: tensor for name, tensor in bert_state.items() if name.startswith("bert.")}
    headless, _ = read(tmp_path, bare)
    assert headless.config.untrained == ("text_head", "visual_head", "alignment_head", "visual_tokens")
