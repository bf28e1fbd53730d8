"""A codebook enters a model folder: what is resized, what stays, what is marked as untrained, what is refused."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.small_univl import RECIPE as UNIVL_RECIPE
from tests.small_univl import write_small_univl

from videobert.base.errors import InputError, MismatchError, ModelError, UsageError
from videobert.families.build_check import check_buildable
from videobert.model.folder import BUNDLED, ModelFolder, backbone_hash
from videobert.model.recipe import Recipe
from videobert.visual.codebook import Codebook
from videobert.visual.feature_file import write_features
from videobert_modeling.codebooks.backbone_source import backbone_of_folder
from videobert_modeling.codebooks.video_features import cluster_into, features_of_videos, stream_features
from videobert_modeling.export import write_manifest
from videobert_modeling.model_folder.card import card_of
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.model_folder.refit import check_refit, refit, untrained_backbone
from videobert_modeling.models import S3D, VideoBert, backbone_tensors, load_weights, save_weights, tiny

RECIPE = Recipe(frames=14, short_side=40, crop=32)
RANDOM = ["backbone (S3D): visual tokens mean nothing", "visual rows of the token table: random"]
TABLE, BIAS = "encoder.tokens.weight", "heads.bias"
WORDS, VISUAL = 128, 64


def make(root: Path, *, width: int = 64, untrained: list[str] | None = RANDOM, **changes: Any) -> Path:
    """A folder as an import leaves it; without an account where `untrained` is None."""
    encoder = dataclasses.replace(tiny().encoder, width=width)
    config = dataclasses.replace(tiny(), encoder=encoder, **changes)
    torch.manual_seed(0)
    model = VideoBert(config)
    for value in model.parameters():
        value.data += torch.randn_like(value) * 0.1
    root.mkdir()
    (root / "config.json").write_text(json.dumps(config.to_json()))
    (root / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    ledger = Ledger("BERT", "bert", uninitialised=list(untrained or ()))
    if untrained is not None:
        (root / "import.json").write_text(json.dumps(ledger.to_json()))
    (root / "README.md").write_text(card_of(config, ledger.to_json(), sees=False))
    save_weights(model, S3D(config.backbone.width, config.backbone.feature_dim), root / "model.safetensors")
    return root


def hash_of(folder: Path) -> str:
    return backbone_hash({name: t.numpy() for name, t in backbone_tensors(load_weights(folder)[0]).items()})


def codebook_of(folder: Path, leaves: int = 9) -> Codebook:
    return Codebook(
        leaves=np.random.default_rng(1).normal(size=(leaves, 32)).astype(np.float32),
        distances=np.linspace(0, 1, 5, dtype=np.float32),
        backbone_hash=hash_of(folder),
        clip_hash=RECIPE.clip_hash,
        samples=77,
    )


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("width", [64, 32], ids=["another-width", "centroids-as-wide"])
@pytest.mark.parametrize("leaves", [1, 9, 64, 200])
def test_the_visual_half_is_resized_and_nothing_else(tmp_path: Path, width: int, leaves: int) -> None:
    folder = make(tmp_path / "model", width=width)
    before = load_file(folder / "model.safetensors")
    codebook = codebook_of(folder, leaves)
    told = refit(folder, codebook, seed=3)
    after = load_file(folder / "model.safetensors")
    for name in before.keys() - {TABLE, BIAS}:
        assert torch.equal(before[name], after[name]), name
    for name in (TABLE, BIAS):
        assert after[name].dtype == before[name].dtype
        assert torch.equal(after[name][:WORDS], before[name][:WORDS])
        assert torch.equal(after[name][-1], before[name][-1])
        assert len(after[name]) == WORDS + leaves + 1
    rows = after[TABLE][WORDS:-1].float()
    if width == 32:
        assert torch.equal(rows, torch.from_numpy(codebook.leaves.copy()).half().float())
    else:
        assert 0.01 < float(rows.std()) < 0.03
        assert not torch.equal(rows[0], before[TABLE][WORDS].float())
    assert not after[BIAS][WORDS:-1].any()
    assert json.loads((folder / "config.json").read_text())["visual_tokens"] == leaves
    assert (told.before, told.after) == (VISUAL, leaves)
    assert f"{VISUAL} visual tokens became {leaves}" in told.summary
    assert Codebook.load(folder / "codebook.safetensors").hash == codebook.hash
    _, model = load_weights(folder)
    assert model.config.visual_tokens == leaves


def test_new_rows_are_those_of_the_seed(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    copies = [Path(shutil.copytree(folder, tmp_path / str(index))) for index in range(3)]
    for copy, seed in zip(copies, (5, 5, 6), strict=True):
        refit(copy, codebook_of(copy), seed=seed)
    assert content(copies[0]) == content(copies[1])
    assert content(copies[0])["model.safetensors"] != content(copies[2])["model.safetensors"]
    assert any("from seed 5" in note for note in json.loads((copies[0] / "import.json").read_text())["notes"])


def test_the_folder_says_what_is_untrained(tmp_path: Path) -> None:
    folder = make(tmp_path / "model", width=32)
    assert untrained_backbone(folder)
    told = refit(folder, codebook_of(folder))
    account = json.loads((folder / "import.json").read_text())
    rows = "visual rows of the token table: started from the centroids, not trained"
    alignment = "alignment head: trained with visual tokens that were replaced"
    assert account["uninitialised"] == [RANDOM[0], rows, alignment] == list(told.untrained)
    assert json.loads((folder / "config.json").read_text())["untrained"] == ["alignment_head", "visual_tokens"]
    card = (folder / "README.md").read_text()
    assert f"- {rows}" in card
    assert RANDOM[1] not in card
    assert "9 visual tokens" in card
    assert "no codebook yet" not in card


@pytest.mark.parametrize("untrained", [None, [], ["alignment head: random"]], ids=str)
def test_trained_rows_that_give_way_are_told(tmp_path: Path, untrained: list[str] | None) -> None:
    folder = make(tmp_path / "model", untrained=untrained)
    assert not untrained_backbone(folder)
    check_refit(folder, replace=False)
    told = refit(folder, codebook_of(folder))
    assert "the visual rows before them were trained, for other centroids, and are gone" in told.notes
    account = json.loads((folder / "import.json").read_text())
    assert account["uninitialised"] == list(told.untrained)
    assert f"{RANDOM[1]}" in told.untrained
    assert not any("were trained" in note for note in refit(folder, codebook_of(folder, 5)).notes)


def test_a_card_that_someone_wrote_on_keeps_what_was_written(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    (folder / "README.md").write_text("# Mine\n\nLicence: ours.\n")
    refit(folder, codebook_of(folder))
    refit(folder, codebook_of(folder, 5))
    card = (folder / "README.md").read_text()
    assert card.startswith("# Mine\n\nLicence: ours.\n")
    assert card.count("## Codebook") == 1
    assert "5 visual tokens, made by `videobert cluster` from 77 clips" in card
    assert "- visual rows of the token table: random" in card


def test_what_was_built_before_is_no_more(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    for name in ("graphs/encoder.onnx", "graphs/encoder.fp16.onnx", "engines/x/plan", ".hidden"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"old")
    write_manifest(folder)
    refit(folder, codebook_of(folder))
    assert {"engines/x/plan", ".hidden"} <= content(folder).keys()
    assert not any(name.endswith(".onnx") for name in content(folder))
    with pytest.raises(ModelError, match="was not built"):
        ModelFolder(folder)


@pytest.mark.parametrize("heads", [("alignment",), ("text", "visual"), ("text",)], ids=str)
def test_a_model_without_some_heads_is_resized_too(tmp_path: Path, heads: tuple[str, ...]) -> None:
    folder = make(tmp_path / "model", heads=heads)
    refit(folder, codebook_of(folder))
    config = load_weights(folder)[1].config
    assert config.heads == heads
    assert config.untrained == (*(["alignment_head"] if "alignment" in heads else []), "visual_tokens")


class TestRefused:
    """Nothing of the folder is changed."""

    @pytest.fixture(autouse=True)
    def _unchanged(self, tmp_path: Path) -> Any:
        self.folder = tmp_path / "model"
        yield
        if self.folder.is_dir():
            assert content(self.folder) == self.before

    def hold(self, folder: Path) -> Path:
        self.before = content(folder)
        return folder

    def test_a_codebook_in_use(self, tmp_path: Path) -> None:
        folder = make(self.folder)
        codebook_of(folder).save(folder / "codebook.safetensors")
        with pytest.raises(UsageError, match="has a codebook, on which its visual rows") as refused:
            check_refit(self.hold(folder), replace=False)
        assert "--replace" in refused.value.fix
        check_refit(folder, replace=True)

    def test_a_bundled_model(self) -> None:
        with pytest.raises(UsageError, match="bundled model is not written to"):
            check_refit(BUNDLED / "shapes", replace=True)

    def test_weights_of_another_model(self) -> None:
        folder = make(self.folder)
        fields = json.loads((folder / "config.json").read_text()) | {"visual_tokens": 65}
        (folder / "config.json").write_text(json.dumps(fields))
        with pytest.raises(MismatchError, match="does not hold the model"):
            check_refit(self.hold(folder), replace=True)

    def test_centroids_too_large_for_the_weights_type(self) -> None:
        folder = self.hold(make(self.folder, width=32))
        codebook = dataclasses.replace(codebook_of(folder), leaves=np.full((3, 32), 1e6, np.float32))
        with pytest.raises(ModelError, match="too large for the type") as refused:
            refit(folder, codebook)
        assert refused.value.seen == "1e+06"

    def test_features_of_another_backbone(self, tmp_path: Path) -> None:
        folder = self.hold(make(self.folder))
        rows = np.random.default_rng(0).normal(size=(50, 32)).astype(np.float32)
        for name, hashes in {
            "backbone": {"backbone_hash": "f" * 16, "clip_hash": RECIPE.clip_hash},
            "clip recipe": {"backbone_hash": hash_of(folder), "clip_hash": "f" * 16},
        }.items():
            write_features(tmp_path / "f.safetensors", rows, **hashes)
            with pytest.raises(MismatchError, match=rf"^f\.safetensors was made with another {name} than the model's"):
                cluster_into(folder, [tmp_path / "f.safetensors"], branching=3, depth=1)

    def test_sources_that_are_not_there_or_of_two_kinds(self, tmp_path: Path) -> None:
        folder = self.hold(make(self.folder))
        with pytest.raises(InputError, match="no videos were given"):
            cluster_into(folder, [])
        with pytest.raises(InputError, match=r"no such video file; got .*absent\.mp4"):
            cluster_into(folder, [BUNDLED / "shapes" / "clip.mp4", tmp_path / "absent.mp4"])
        with pytest.raises(UsageError, match="cannot be clustered together"):
            cluster_into(folder, ["a.mp4", "f.safetensors"])


def test_features_of_the_models_own_backbone_enter_it(tmp_path: Path) -> None:
    folder = make(tmp_path / "model")
    rows = np.random.default_rng(0).normal(size=(50, 32)).astype(np.float32)
    write_features(tmp_path / "f.safetensors", rows, backbone_hash=hash_of(folder), clip_hash=RECIPE.clip_hash)
    result, told = cluster_into(folder, [tmp_path / "f.safetensors"], branching=3, depth=1)
    assert told.after == len(result.codebook) == 3
    assert backbone_of_folder(folder).hash == result.codebook.backbone_hash


def test_a_folder_that_was_not_built_sees_videos_by_its_weights(tmp_path: Path) -> None:
    names = ("config.json", "recipe.json", "tokenizer.json", "model.safetensors")
    (tmp_path / "copy").mkdir()
    for name in names:
        shutil.copy(BUNDLED / "shapes" / name, tmp_path / "copy" / name)
    clip = BUNDLED / "shapes" / "clip.mp4"
    built = np.concatenate(list(stream_features(ModelFolder("shapes"), [clip])))
    ours = np.concatenate(list(features_of_videos(backbone_of_folder(tmp_path / "copy"), [clip])))
    assert ours.shape == built.shape
    # The graph may run in bf16, whose rounding unit is 2 ** -8.
    assert np.linalg.norm(ours - built) < 2**-6 * np.linalg.norm(ours)
    cluster_into(tmp_path / "copy", [clip], branching=2, depth=2, replace=True)
    assert len(check_buildable(tmp_path / "copy").codebook) <= 4


def test_a_model_that_works_on_features_gets_a_codebook_and_keeps_its_weights(tmp_path: Path) -> None:
    write_small_univl(tmp_path, export=False)
    before = load_file(tmp_path / "model.safetensors")
    backbone, _ = load_weights(tmp_path)
    tensors = {name: tensor.numpy() for name, tensor in backbone_tensors(backbone).items()}
    leaves = np.random.default_rng(1).standard_normal((4, 32)).astype(np.float32)
    made = Codebook(
        leaves=leaves, distances=None, backbone_hash=backbone_hash(tensors), clip_hash=UNIVL_RECIPE.clip_hash
    )
    done = refit(tmp_path, made)
    assert (done.before, done.after, done.untrained) == (0, 4, ())
    assert "works on features" in done.summary
    after = load_file(tmp_path / "model.safetensors")
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    config = check_buildable(tmp_path).config
    # The alignment head was trained on features, and no answer may say otherwise.
    assert (config.visual_tokens, config.untrained) == (4, ())
