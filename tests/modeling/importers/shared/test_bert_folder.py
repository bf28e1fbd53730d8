"""The model folder around a Hugging Face BERT: whole, honest, and equal to the original."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from videobert.base.errors import InputError, ModelError
from videobert.visual.codebook import Codebook
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.models import load_weights

WORDS, WIDTH, LAYERS = 60, 32, 2


class TestFolder:
    def test_a_masked_language_model_answers_the_same_after_the_import(self, tmp_path: Path, small_s3d_file):
        from transformers import BertConfig, BertForMaskedLM

        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=WORDS,
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            intermediate_size=48,
            max_position_embeddings=40,
        )
        theirs = BertForMaskedLM(config).eval()
        with torch.no_grad():
            for name, parameter in theirs.named_parameters():
                parameter.add_(torch.randn_like(parameter) * (0.5 if "bias" in name or "LayerNorm" in name else 0.05))
        source = tmp_path / "hub"
        theirs.save_pretrained(source)
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(WORDS - 5))]
        (source / "vocab.txt").write_text("\n".join(words))
        options = {"visual_tokens": 7, "dtype": "float32", "backbone": small_s3d_file}
        ledger = import_checkpoint("bert", source, tmp_path / "out", **options)
        assert ledger.count("unexplained") == 0
        _, ours = load_weights(tmp_path / "out")
        ids = torch.randint(0, WORDS, (3, 17))
        segments = torch.randint(0, 2, (3, 17))
        lengths = torch.tensor([17, 9, 1])
        mask = (torch.arange(17)[None] < lengths[:, None]).long()
        with torch.no_grad():
            expected = theirs(input_ids=ids, token_type_ids=segments, attention_mask=mask).logits
            found = ours.text_logits(ours.encode(ids, segments, lengths))
        real = mask.bool()
        assert (found[real] - expected[real]).abs().max() <= 1e-5
        assert expected[real].std() > 0.1

    def test_is_complete_and_says_what_is_untrained(self, tmp_path, bert_folder, bert_state):
        out = tmp_path / "out"
        ledger = import_checkpoint("bert", bert_folder(bert_state), out, visual_tokens=7)
        assert {path.name for path in out.iterdir()} == {
            "README.md",
            "config.json",
            "import.json",
            "model.safetensors",
            "recipe.json",
            "tokenizer.json",
        }
        card = (out / "README.md").read_text()
        for part in ("backbone", "visual rows", "joiner", "alignment head"):
            assert any(line.startswith(f"- {part}") for line in card.splitlines()), part
        assert "videobert cluster" in card
        assert json.loads((out / "import.json").read_text()) == ledger.to_json()
        assert json.loads((out / "config.json").read_text())["name"] == "out"
        _, model = load_weights(out)
        assert model.config.words == WORDS
        assert torch.equal(
            model.encoder.segments.weight, bert_state["bert.embeddings.token_type_embeddings.weight"].half().float()
        )

    def test_with_backbone_and_centroids_has_a_codebook_of_its_own(
        self, tmp_path, bert_folder, bert_state, small_s3d_file
    ):
        from videobert_modeling.models.weights import hash_of

        centroids = tmp_path / "centers.npy"
        np.save(centroids, np.random.default_rng(0).normal(size=(24, 32)))
        out = tmp_path / "out"
        folder = bert_folder(bert_state)
        ledger = import_checkpoint("bert", folder, out, backbone=str(small_s3d_file), centroids=str(centroids))
        backbone, model = load_weights(out)
        codebook = Codebook.load(out / "codebook.safetensors")
        from videobert_modeling.importers.shared.backbone_recipes import KINETICS

        codebook.check(hash_of(backbone), KINETICS.clip_hash)
        assert model.config.visual_tokens == 24
        rows = model.encoder.tokens.weight[WORDS : WORDS + 24].detach().numpy()
        assert np.abs(rows - codebook.leaves).max() < 2e-3
        assert not any("backbone" in part for part in ledger.uninitialised)

    def test_centroids_of_another_width_than_the_backbone_are_refused(
        self, tmp_path, bert_folder, bert_state, small_s3d_file
    ):
        np.save(tmp_path / "centers.npy", np.ones((24, 600), np.float32))
        with pytest.raises(ModelError, match="not as wide as the backbone's feature; got 600; allowed: 32"):
            import_checkpoint(
                "bert",
                bert_folder(bert_state),
                tmp_path / "out",
                backbone=small_s3d_file,
                centroids=tmp_path / "centers.npy",
            )

    def test_is_not_written_over_something(self, tmp_path, bert_folder, bert_state):
        out = tmp_path / "out"
        out.mkdir()
        (out / "mine.txt").write_text("keep")
        with pytest.raises(InputError, match="taken"):
            import_checkpoint("bert", bert_folder(bert_state), out, visual_tokens=7)
        assert [path.name for path in out.iterdir()] == ["mine.txt"]

    def test_leaves_nothing_behind_when_it_fails(self, tmp_path, bert_folder, bert_state, small_s3d_file):
        bert_state["bert.encoder.layer.0.output.dense.weight"] *= 1e9  # past fp16
        place = tmp_path / "place"
        with pytest.raises(ModelError, match="float16"):
            import_checkpoint("bert", bert_folder(bert_state), place / "out", visual_tokens=7, backbone=small_s3d_file)
        assert not list(place.iterdir())

    def test_needs_a_tokenizer_that_fits(self, tmp_path, bert_folder, bert_state, small_s3d_file):
        folder = bert_folder(bert_state)
        (folder / "vocab.txt").write_text(
            "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + "\n".join(f"w{i}" for i in range(80))
        )
        with pytest.raises(ModelError, match="more words than the model"):
            import_checkpoint("bert", folder, tmp_path / "out", visual_tokens=7, backbone=small_s3d_file)
        (folder / "vocab.txt").unlink()
        with pytest.raises(ModelError, match="no tokenizer"):
            import_checkpoint("bert", folder, tmp_path / "out", visual_tokens=7, backbone=small_s3d_file)
