"""The one door, the two kinds that end in a file, and tokenizers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from videobert.base.errors import InputError, MismatchError, ModelError
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook
from videobert.visual.feature_file import write_features
from videobert_modeling.importers import KINDS, import_checkpoint, options_of
from videobert_modeling.importers.shared.tokenizer import find_tokenizer, read_tokenizer
from videobert_modeling.importers.shared.torchvision_s3d import read_s3d
from videobert_modeling.models.weights import hash_of

VECTORS = Path(__file__).parents[1] / "vectors"


def test_unknown_kinds_and_options_are_refused_with_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=f"allowed: {', '.join(KINDS)}"):
        import_checkpoint("vgg", tmp_path, tmp_path / "out")
    with pytest.raises(InputError, match=r"no such option; got tokeniser; allowed: name, tokenizer"):
        import_checkpoint("bert", tmp_path, tmp_path / "out", tokeniser="x")
    with pytest.raises(InputError, match="float16, float32"):
        import_checkpoint("bert", tmp_path, tmp_path / "out", dtype="int4")


def test_options_are_those_of_the_importers():
    assert {"bert", "mdskul", "s3d", "i3d", "s3dg", "resnet", "centroids"} <= set(KINDS)
    assert options_of("s3d") == ("classifier", "strict")
    assert options_of("i3d") == ("labels", "strict")
    assert options_of("s3dg") == ("recipe", "strict")
    assert options_of("resnet") == ("labels", "recipe", "strict")
    assert "visual_tokens" in options_of("bert")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"fps": "20"}'])
def test_a_damaged_recipe_is_refused(tmp_path, text):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ModelError, match="recipe"):
        import_checkpoint("bert", tmp_path, tmp_path / "out", recipe=tmp_path / "recipe.json")


class TestS3D:
    def test_gives_the_reference_feature_and_logits(self, tmp_path, torchvision_state):
        torch.save({"state_dict": torchvision_state}, tmp_path / "s3d.pth")
        model, ledger = read_s3d(tmp_path / "s3d.pth", classifier=True)
        assert ledger.count("used") + ledger.count("ignored") == len(torchvision_state)
        assert {e.reason for e in ledger.entries if e.status == "ignored"} == {"a training counter"}
        expected = np.load(VECTORS / "torchvision_s3d.npz")
        clips = np.random.default_rng(7).standard_normal((2, 3, 30, 224, 224)).astype(np.float32)[:1]
        with torch.inference_mode():
            layout = torch.channels_last_3d
            feature = model.to(memory_format=layout)(torch.from_numpy(clips).contiguous(memory_format=layout))
            logits = model.logits(feature)
        for name, found in {"feature": feature, "logits": logits}.items():
            assert np.abs(found.numpy() - expected[name][:1]).max() <= 1e-5 * np.abs(expected[name]).max()

    def test_leaves_the_classifier_out_unless_asked(self, small_s3d_file):
        without, ledger = read_s3d(small_s3d_file)
        assert without.classifier is None
        reasons = {e.name: e.reason for e in ledger.entries if e.name.startswith("classifier.")}
        assert reasons == dict.fromkeys(
            ("classifier.1.weight", "classifier.1.bias"), "the classifier is not part of the feature"
        )
        kept, _ = read_s3d(small_s3d_file, classifier=True)
        assert torch.equal(
            kept.classifier[1].weight, torch.load(small_s3d_file, weights_only=True)["classifier.1.weight"]
        )

    def test_sizes_are_read_off_the_weights(self, small_s3d_file):
        model, _ = read_s3d(small_s3d_file)
        assert model.feature_dim == 32
        assert not model.training

    @pytest.mark.parametrize("classifier", [True, False])
    def test_a_backbone_file_is_read_back_the_same(self, tmp_path, small_s3d_file, classifier):
        out = tmp_path / "backbone.safetensors"
        ledger = import_checkpoint("s3d", small_s3d_file, out, classifier=classifier)
        assert ledger.count("unexplained") == 0
        first, _ = read_s3d(small_s3d_file, classifier=classifier)
        again, _ = read_s3d(out, classifier=classifier)
        for name, tensor in first.state_dict().items():
            assert torch.equal(tensor, again.state_dict()[name]), name
        with safe_open(out, "pt") as file:
            assert file.metadata()["backbone_hash"] == hash_of(first) == hash_of(again)
            assert ("classifier.1.weight" in file.keys()) == classifier  # noqa: SIM118 - not a dict

    @pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "backbone._orig_mod."])
    def test_a_compiled_network_is_the_same(self, tmp_path, small_s3d_file, prefix):
        state = torch.load(small_s3d_file, weights_only=True)
        torch.save({"state_dict": {f"{prefix}{name}": t for name, t in state.items()}}, tmp_path / "w.pt")
        model, ledger = read_s3d(tmp_path / "w.pt")
        assert hash_of(model) == hash_of(read_s3d(small_s3d_file)[0])
        assert any("`_orig_mod.`" in note for note in ledger.notes)

    @pytest.mark.parametrize("strict", [True, False])
    def test_a_hole_is_refused_however_lenient(self, tmp_path, small_s3d_file, strict):
        state = torch.load(small_s3d_file, weights_only=True)
        del state["features.6.branch1.1.0.1.running_var"]
        torch.save(state, tmp_path / "w.pt")
        with pytest.raises(ModelError, match=r"features\.6\.branch1\.1\.0\.1\.running_var \(missing\)"):
            read_s3d(tmp_path / "w.pt", strict=strict)

    def test_files_without_training_counters_are_read(self, tmp_path, small_s3d_file):
        state = torch.load(small_s3d_file, weights_only=True)
        torch.save({n: t for n, t in state.items() if not n.endswith("num_batches_tracked")}, tmp_path / "w.pt")
        _, ledger = read_s3d(tmp_path / "w.pt")
        assert ledger.count("missing") == 0

    def test_another_network_or_a_stranger_tensor_is_refused(self, tmp_path, small_s3d_file, bert_state):
        torch.save(bert_state, tmp_path / "bert.pt")
        with pytest.raises(ModelError, match="not an S3D checkpoint"):
            read_s3d(tmp_path / "bert.pt")
        state = torch.load(small_s3d_file, weights_only=True)
        torch.save({**state, "fc.weight": torch.ones(512, 32)}, tmp_path / "w.pt")
        with pytest.raises(ModelError, match=r"fc\.weight \[512, 32\]"):
            read_s3d(tmp_path / "w.pt")
        assert read_s3d(tmp_path / "w.pt", strict=False)[1].count("unexplained") == 1

    def test_a_file_is_not_written_over(self, tmp_path, small_s3d_file):
        out = tmp_path / "backbone.safetensors"
        out.write_text("mine")
        with pytest.raises(InputError, match="taken"):
            import_checkpoint("s3d", small_s3d_file, out)
        assert out.read_text() == "mine"


class TestCentroids:
    def test_a_codebook_must_name_what_made_its_features(self, tmp_path):
        np.save(tmp_path / "c.npy", np.ones((3, 32)))
        with pytest.raises(InputError, match="which backbone and recipe"):
            import_checkpoint("centroids", tmp_path / "c.npy", tmp_path / "codebook.safetensors")

    def test_hashes_come_from_a_backbone_and_a_recipe(self, tmp_path, small_s3d_file):
        np.save(tmp_path / "c.npy", np.random.default_rng(0).normal(size=(5, 32)))
        recipe = Recipe(frames=16)
        (tmp_path / "recipe.json").write_text(json.dumps(recipe.to_json()))
        out = tmp_path / "codebook.safetensors"
        ledger = import_checkpoint(
            "centroids", tmp_path / "c.npy", out, backbone=small_s3d_file, recipe=tmp_path / "recipe.json"
        )
        Codebook.load(out).check(hash_of(read_s3d(small_s3d_file)[0]), recipe.clip_hash)
        assert any("on trust" in note for note in ledger.notes)
        assert any("stand-in" in note for note in ledger.notes)

    def test_hashes_and_distances_come_from_feature_files(self, tmp_path):
        rng = np.random.default_rng(0)
        np.save(tmp_path / "c.npy", rng.normal(size=(5, 32)))
        features = rng.normal(size=(400, 32)).astype(np.float32)
        write_features(tmp_path / "f.safetensors", features, backbone_hash="b", clip_hash="c")
        out = tmp_path / "codebook.safetensors"
        import_checkpoint("centroids", tmp_path / "c.npy", out, features=[str(tmp_path / "f.safetensors")])
        codebook = Codebook.load(out)
        codebook.check("b", "c")
        distances = codebook.assign(features)[1]
        assert codebook.distances[0] == distances.min()
        assert codebook.distances[-1] == distances.max()
        assert codebook.samples == 400

    def test_a_codebook_of_another_backbone_does_not_enter_a_folder(
        self, tmp_path, bert_folder, bert_state, small_s3d_file
    ):
        leaves = np.ones((4, 32), np.float32)
        path = tmp_path / "codebook.safetensors"
        Codebook(leaves=leaves, distances=leaves[0, :2], backbone_hash="other", clip_hash="c").save(path)
        with pytest.raises(MismatchError, match="another backbone"):
            import_checkpoint(
                "bert", bert_folder(bert_state), tmp_path / "out", centroids=path, backbone=small_s3d_file
            )


class TestTokenizer:
    TEXT = "Un w3 naïve, W4ing w5s! [MASK]"

    @pytest.mark.parametrize("lower_case", [True, False])
    def test_a_vocabulary_splits_as_in_the_original(self, vocabulary, lower_case):
        from tokenizers import Tokenizer
        from transformers import BertTokenizer

        (vocabulary.parent / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": lower_case}))
        ours = Tokenizer.from_str(read_tokenizer(vocabulary).decode())
        theirs = BertTokenizer(vocab=str(vocabulary), do_lower_case=lower_case)
        for text in (self.TEXT, "", "w1", "中w2 w3w4", "w9ing\tw9s", "x" * 300):
            assert ours.encode(text, add_special_tokens=False).ids == theirs.encode(text, add_special_tokens=False)

    def test_uncased_unless_said_otherwise(self, vocabulary):
        from tokenizers import Tokenizer

        ours = Tokenizer.from_str(read_tokenizer(vocabulary).decode())
        assert ours.encode("W7").ids == ours.encode("w7").ids != [1]

    def test_line_separators_that_are_words_keep_the_ids_in_place(self, tmp_path):
        from tokenizers import Tokenizer

        path = tmp_path / "vocab.txt"
        path.write_bytes("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\n\u2028\r\n\x85\r\nlast".encode())
        assert Tokenizer.from_str(read_tokenizer(path).decode()).token_to_id("last") == 7

    def test_json_is_preferred_and_passed_on_as_it_is(self, tmp_path, vocabulary):
        content = read_tokenizer(vocabulary)
        assert find_tokenizer(vocabulary.parent) == vocabulary
        (vocabulary.parent / "tokenizer.json").write_bytes(content)
        assert find_tokenizer(vocabulary.parent).name == "tokenizer.json"
        assert read_tokenizer(vocabulary.parent / "tokenizer.json") == content
        assert find_tokenizer(tmp_path) is None

    @pytest.mark.parametrize("content", [b"", b"a\nb\n", b"\xff\xfe\n"])
    def test_what_is_no_vocabulary_is_refused(self, tmp_path, content):
        (tmp_path / "vocab.txt").write_bytes(content)
        with pytest.raises(ModelError):
            read_tokenizer(tmp_path / "vocab.txt")
