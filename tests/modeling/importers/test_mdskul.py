"""The MDSKUL layout: BERT names with longer tables and an alignment layer on the bare [CLS] state."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from videobert.base.errors import ModelError
from videobert.model.config import BackboneConfig
from videobert.model.recipe import Recipe
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.mdskul import RECIPE, read_mdskul
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D, VideoBert, load_weights

WORDS, VISUAL, WIDTH = 60, 11, 32
ROWS = WORDS + VISUAL + 1


@pytest.fixture
def state(bert_layout_shapes) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(8)
    shapes = bert_layout_shapes(ROWS, WIDTH, 2, 48, 40)
    tensors = {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}
    tensors["cls.predictions.decoder.weight"] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    tensors["cls.predictions.decoder.bias"] = tensors["cls.predictions.bias"].clone()
    tensors["cls.vis_lin_align.weight"] = torch.randn(2, WIDTH, generator=generator)
    tensors["cls.vis_lin_align.bias"] = torch.randn(2, generator=generator)
    tensors["bert.embeddings.position_ids"] = torch.arange(40)[None]
    return tensors


def read(path: Path, tensors: dict[str, torch.Tensor], **options) -> tuple[VideoBert, Ledger]:
    torch.save(tensors, path / "w.pt")
    with torch.device("meta"):
        side = VisualSide(S3D(0.125, 32), BackboneConfig(width=0.125, feature_dim=32), None)
    ledger = Ledger("MDSKUL VideoBERT", "w.pt")
    return read_mdskul(path / "w.pt", side, ledger, **{"words": WORDS, "heads": 4, **options}), ledger


def test_words_visual_tokens_and_joiner_keep_their_rows(tmp_path, state):
    model, ledger = read(tmp_path, state)
    assert (model.config.words, model.config.visual_tokens, model.config.joiner_id) == (WORDS, VISUAL, ROWS - 1)
    assert torch.equal(model.encoder.tokens.weight, state["bert.embeddings.word_embeddings.weight"])
    assert torch.equal(model.heads.bias, state["cls.predictions.bias"])
    assert ledger.count("unexplained") == 0
    assert {entry.name for entry in ledger.entries} == set(state)
    assert ledger.uninitialised == []


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_a_compiled_model_is_the_same(tmp_path, state, prefix):
    (tmp_path / "plain").mkdir()  # its tensors stay mapped from the file
    plain, _ = read(tmp_path / "plain", state)
    model, ledger = read(tmp_path, {"model": {f"{prefix}{name}": t for name, t in state.items()}, "step": 3})
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in plain.state_dict().items())
    assert ledger.count("unexplained") == 0


def test_both_halves_of_the_head_read_their_part_of_the_bias(tmp_path, state):
    model, _ = read(tmp_path, state)
    states = torch.zeros(1, WIDTH)
    with torch.no_grad():
        table, hidden = model.encoder.tokens.weight, model.heads.transform(states)
        whole = hidden @ table.T + state["cls.predictions.bias"]
        found = torch.cat([model.text_logits(states), model.visual_logits(states)], -1)
    assert torch.allclose(found, whole[:, :-1], atol=1e-6)


@pytest.mark.parametrize("size", [1.0, 20.0, 1000.0])
def test_alignment_is_the_sources_linear_layer_with_label_0_aligned(tmp_path, state, size):
    model, _ = read(tmp_path, state)
    cls_states = torch.randn(50, WIDTH) * size
    with torch.no_grad():
        expected = nn.functional.linear(cls_states, state["cls.vis_lin_align.weight"], state["cls.vis_lin_align.bias"])
        assert torch.equal(model.alignment_logits(cls_states), expected)
    assert "heads.alignment.pooler.weight" not in model.state_dict()


def test_alignment_survives_half_precision(tmp_path, state, vocabulary, small_s3d_file):
    torch.save(state, tmp_path / "w.pt")
    options = {"words": WORDS, "heads": 4, "tokenizer": vocabulary, "backbone": small_s3d_file}
    import_checkpoint("mdskul", tmp_path / "w.pt", tmp_path / "out", **options)
    _, model = load_weights(tmp_path / "out")
    cls_states = torch.randn(50, WIDTH)
    with torch.no_grad():
        expected = cls_states @ state["cls.vis_lin_align.weight"].T + state["cls.vis_lin_align.bias"]
        assert (model.alignment_logits(cls_states) - expected).abs().max() < 0.01


def test_a_variant_without_alignment_has_no_such_head(tmp_path, state):
    del state["cls.vis_lin_align.weight"], state["cls.vis_lin_align.bias"]
    model, ledger = read(tmp_path, state)
    assert model.config.heads == ("text", "visual")
    assert any("no alignment" in note for note in ledger.notes)


def test_two_layers_that_could_be_the_alignment_stay_unexplained(tmp_path, state):
    state["cls.other.weight"], state["cls.other.bias"] = torch.ones(2, WIDTH), torch.ones(2)
    with pytest.raises(ModelError, match="4 tensors are unexplained"):
        read(tmp_path, state)


@pytest.mark.parametrize("name", ["cls.predictions.decoder.weight", "cls.predictions.decoder.bias"])
def test_a_decoder_that_was_not_lengthened_is_refused(tmp_path, state, name):
    state[name] = state[name][:WORDS]
    with pytest.raises(ModelError, match=f"{name} has another shape"):
        read(tmp_path, state)


def test_a_plain_bert_is_refused_with_a_hint(tmp_path, bert_state):
    with pytest.raises(ModelError, match="no room for visual tokens"):
        read(tmp_path, bert_state)
    headless = {name: t for name, t in bert_state.items() if name.startswith("bert.")}
    with pytest.raises(ModelError, match="Import it as bert"):
        read(tmp_path, headless)


@pytest.mark.parametrize("visual", [20_544, 20_736])
def test_names_and_shapes_of_the_published_layout(tmp_path, bert_layout_shapes, visual):
    """Exact widths and tables, of the pruned and of the whole centroid tree, but one of the 24 equal layers."""
    rows = 30_522 + visual + 1
    shapes = bert_layout_shapes(rows, 1024, 1, 4096, 512)
    shapes |= {"cls.vis_lin_align.weight": (2, 1024), "cls.vis_lin_align.bias": (2,)}
    torch.save({name: torch.zeros(shape, dtype=torch.float16) for name, shape in shapes.items()}, tmp_path / "w.pt")
    with torch.device("meta"):
        side = VisualSide(S3D(), BackboneConfig(), None)
    ledger = Ledger("MDSKUL VideoBERT", "w.pt")
    model = read_mdskul(tmp_path / "w.pt", side, ledger)
    assert (model.config.words, model.config.visual_tokens, model.config.vocabulary) == (30_522, visual, rows)
    assert model.config.encoder.heads == 16
    assert ledger.count("unexplained") == 0


class TestFolder:
    def test_carries_the_recipe_of_the_source_and_the_centroids(self, tmp_path, state, vocabulary, small_s3d_file):
        torch.save(state, tmp_path / "w.pt")
        np.save(tmp_path / "centers.npy", np.random.default_rng(0).normal(size=(VISUAL, 32)))
        out = tmp_path / "out"
        ledger = import_checkpoint(
            "mdskul",
            tmp_path / "w.pt",
            out,
            words=WORDS,
            heads=4,
            tokenizer=vocabulary,
            backbone=small_s3d_file,
            centroids=tmp_path / "centers.npy",
        )
        from videobert.visual.codebook import Codebook

        codebook = Codebook.load(out / "codebook.safetensors")
        assert codebook.clip_hash == RECIPE.clip_hash
        assert codebook.levels is None
        assert len(codebook) == VISUAL
        assert ledger.uninitialised == []
        assert "Every part comes from the source." in (out / "README.md").read_text()
        assert (RECIPE.fps, RECIPE.frames, RECIPE.clip_duration_s) == (10, 15, Recipe().clip_duration_s)

    def test_refuses_centroids_of_another_number(self, tmp_path, state, vocabulary, small_s3d_file):
        torch.save(state, tmp_path / "w.pt")
        np.save(tmp_path / "centers.npy", np.ones((VISUAL + 1, 32)))
        with pytest.raises(ModelError, match=re.escape("12 leaves; allowed: 11 visual tokens")):
            import_checkpoint(
                "mdskul",
                tmp_path / "w.pt",
                tmp_path / "out",
                words=WORDS,
                heads=4,
                tokenizer=vocabulary,
                backbone=small_s3d_file,
                centroids=tmp_path / "centers.npy",
            )

    def test_needs_a_tokenizer(self, tmp_path, state):
        torch.save(state, tmp_path / "w.pt")
        with pytest.raises(ModelError, match="--tokenizer"):
            import_checkpoint("mdskul", tmp_path / "w.pt", tmp_path / "out", words=WORDS)
