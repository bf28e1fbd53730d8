"""UniVL checkpoints as model folders: whatever a file holds is accounted for, or refused by name."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.modeling.importers.small_univl_checkpoint import RECIPE, write_checkpoint

from videobert.base.errors import MismatchError, ModelError, UsageError
from videobert.model.config import ModelConfig
from videobert.model.folder import BUNDLED
from videobert_modeling.importers import import_checkpoint, univl
from videobert_modeling.importers.univl import import_univl, read_univl
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.families.univl import UniVl

State = dict[str, torch.Tensor]
DENSE = "cross.encoder.layer.1.intermediate.dense.weight"


def read(folder: Path, state: State, *, strict: bool = True, heads: int | None = None, **fields: object) -> Ledger:
    ledger = Ledger("UniVL", "made")
    read_univl(write_checkpoint(folder, state, **fields) / "univl.pretrained.bin", ledger, strict=strict, heads=heads)
    return ledger


def test_a_folder_says_what_it_holds_and_what_it_lacks(univl_folder: Path) -> None:
    written = ModelConfig.read(univl_folder / "config.json")
    assert (written.family, written.visual_tokens, written.words) == ("univl", 0, 500)
    assert set(written.heads) >= {"text", "visual", "alignment"}
    assert written.untrained == ()
    streams = written.two_streams
    assert streams is not None
    assert streams.fusion is not None
    assert (streams.video.layers, streams.fusion.positions, streams.text_room) == (2, 128, 48)
    assert written.window_clips == 48
    account = json.loads((univl_folder / "import.json").read_text())
    assert account["uninitialised"] == []
    assert set(account["counts"]) == {"renamed", "tied", "ignored"}
    assert account["counts"]["ignored"] == 4
    assert "no visual tokens" in (univl_folder / "README.md").read_text()


def test_without_a_backbone_the_folder_says_how_to_get_one(tmp_path: Path, univl_state: State) -> None:
    encoders = {name: value for name, value in univl_state.items() if name.split(".")[0] in ENCODERS}
    # Features that a small network gives: a fresh one of the published size takes seconds.
    for name in ("visual.embeddings.word_embeddings.weight", *(f"normalize_video.visual_norm2d.{k}" for k in KINDS)):
        encoders[name] = encoders[name][..., :32].contiguous()
    ledger = import_univl(write_checkpoint(tmp_path / "source", encoders), tmp_path / "folder")
    (untrained,) = ledger.uninitialised
    assert "videobert import s3dg" in untrained
    assert "--backbone" in untrained
    written = ModelConfig.read(tmp_path / "folder" / "config.json")
    assert written.untrained == ("backbone",)
    assert untrained in (tmp_path / "folder" / "README.md").read_text()


ENCODERS = ("bert", "visual", "normalize_video")
KINDS = ("weight", "bias")


@pytest.mark.parametrize(
    ("parts", "heads", "has_fusion"),
    [(ENCODERS, (), False), ((*ENCODERS, "cross", "similarity_dense"), ("alignment",), True)],
)
def test_checkpoints_of_the_first_stage_have_less(
    tmp_path: Path, univl_state: State, parts: tuple[str, ...], heads: tuple[str, ...], has_fusion: bool
) -> None:
    state = {name: value for name, value in univl_state.items() if name.split(".")[0] in parts}
    path = write_checkpoint(tmp_path / "source", state) / "univl.pretrained.bin"
    sizes, _ = read_univl(path, Ledger("UniVL", "made"))
    assert sizes.heads == heads
    assert (sizes.streams.fusion is not None) == has_fusion
    assert sizes.streams.decoder is None


def _wrapped(state: State) -> State:
    return {f"module.univl.{name}": value for name, value in state.items()}


def _old_names(state: State) -> State:
    renamed = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    for new, old in renamed.items():
        state = {name.replace(new, old): value for name, value in state.items()}
    return state


@pytest.mark.parametrize("change", [_wrapped, _old_names])
def test_other_spellings_of_the_names_are_the_same_model(
    tmp_path: Path, univl_folder: Path, whole_univl_state: State, narrow_s3d: Path, change: Callable[[State], State]
) -> None:
    source = write_checkpoint(tmp_path / "source", change(whole_univl_state))
    import_checkpoint("univl", source, tmp_path / "folder", backbone=narrow_s3d, recipe=RECIPE, dtype="float32")
    ours, wanted = (load_file(place / "model.safetensors") for place in (tmp_path / "folder", univl_folder))
    assert ours.keys() == wanted.keys()
    assert all(torch.equal(ours[name], wanted[name]) for name in wanted)


def test_a_tensor_of_several_names_is_the_one_that_is_read_last(tmp_path: Path, whole_univl_state: State) -> None:
    first = {"bert.embeddings.word_embeddings.weight": torch.zeros(500, 96)}
    ledger = read(tmp_path / "source", whole_univl_state | first)
    (entry,) = (entry for entry in ledger.entries if entry.name == next(iter(first)))
    assert entry.status == "ignored"
    assert "read last" in entry.reason


def test_weights_are_stored_exactly(tmp_path: Path, whole_univl_state: State, narrow_s3d: Path) -> None:
    halves = {name: value.half().float() for name, value in whole_univl_state.items()}
    source = write_checkpoint(tmp_path / "source", halves)
    stored = import_univl(source, tmp_path / "folder", backbone=narrow_s3d, recipe=RECIPE).notes
    # The backbone beside it is in float32.
    assert any("float32" in note for note in stored)
    tensors = load_file(tmp_path / "folder" / "model.safetensors")
    assert torch.equal(tensors["text_encoder.tokens.weight"], halves["bert.embeddings.word_embeddings.weight"])


def _without(name: str) -> Callable[[State], State]:
    return lambda state: {each: value for each, value in state.items() if each != name}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without("bert.encoder.layer.2.output.dense.bias"), "bert.encoder.layer.2.output.dense.bias"),
        (_without("visual.encoder.layer.1.intermediate.dense.weight"), "visual.encoder.layer.1"),
        (_without("normalize_video.visual_norm2d.weight"), "normalize_video.visual_norm2d.weight"),
        (_without("similarity_dense.bias"), "similarity_dense.bias"),
        (_without("cls_visual.predictions.bias"), "cls_visual.predictions.bias"),
        (_without("cross.embeddings.token_type_embeddings.weight"), "cross.embeddings.token_type_embeddings"),
        (lambda state: state | {"cross.extra.weight": torch.zeros(3)}, "cross.extra.weight"),
        (lambda state: state | {DENSE: state[DENSE].T.contiguous()}, DENSE),
        (lambda state: state | {"similarity_dense.weight": state["similarity_dense.weight"].T}, "similarity_dense"),
        (lambda state: state | {DENSE: torch.full_like(state[DENSE], torch.nan)}, "NaN"),
        (lambda state: state | {DENSE: state[DENSE].long()}, DENSE),
        (lambda state: state | {"cross.embeddings.LayerNorm.gamma": torch.ones(96)}, "cross.embeddings.LayerNorm"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_the_name_of_a_tensor(
    tmp_path: Path, whole_univl_state: State, change: Callable[[State], State], said: str
) -> None:
    with pytest.raises(ModelError) as caught:
        read(tmp_path / "source", change(whole_univl_state))
    assert said in str(caught.value)


def test_a_lenient_import_leaves_out_what_nobody_knows(tmp_path: Path, whole_univl_state: State) -> None:
    ledger = read(tmp_path / "source", whole_univl_state | {"extra": torch.zeros(3)}, strict=False)
    assert ledger.count("unexplained") == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"hidden_size": 128}, "hidden_size"),
        ({"num_attention_heads": 7}, "7 attention heads"),
        ({"num_attention_heads": "many"}, "num_attention_heads"),
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"vocab_size": 30522}, "vocab_size"),
        ({"text": {"num_attention_heads": 4}, "visual": {"num_attention_heads": 5}}, "5 attention heads"),
        ({"text": {"num_attention_heads": 4}, "cross": [4]}, "cross"),
    ],
)
def test_a_configuration_of_another_model_is_refused(
    tmp_path: Path, whole_univl_state: State, fields: dict[str, object], said: str
) -> None:
    with pytest.raises(ModelError) as caught:
        read(tmp_path / "source", whole_univl_state, **({"num_attention_heads": 4} | fields))
    assert said in str(caught.value)


def test_a_configuration_for_each_part_may_lie_in_a_file_of_its_own(tmp_path: Path, whole_univl_state: State) -> None:
    folder = write_checkpoint(tmp_path / "source", whole_univl_state, num_attention_heads=4)
    (folder / "cross_config.json").write_text(json.dumps({"num_attention_heads": 3, "hidden_size": 96}))
    sizes, _ = read_univl(folder / "univl.pretrained.bin", Ledger("UniVL", "made"))
    assert sizes.streams.fusion is not None
    assert (sizes.encoder.heads, sizes.streams.fusion.heads) == (4, 3)
    (folder / "cross_config.json").write_text("{")
    with pytest.raises(ModelError, match="cross_config"):
        read_univl(folder / "univl.pretrained.bin", Ledger("UniVL", "made"))


def test_heads_can_be_given_where_nothing_tells(tmp_path: Path, whole_univl_state: State) -> None:
    with pytest.raises(ModelError, match="cannot be read off") as caught:
        read(tmp_path / "source", whole_univl_state, model_type="univl")
    assert "--heads" in str(caught.value.fix)
    ledger = read(tmp_path / "source", whole_univl_state, heads=4, model_type="univl")
    assert ledger.count("unexplained") == 0


def test_what_must_lie_beside_a_checkpoint_is_asked_for(
    tmp_path: Path, whole_univl_state: State, small_s3d_file: Path, narrow_s3d: Path
) -> None:
    source = write_checkpoint(tmp_path / "source", whole_univl_state)
    with pytest.raises(MismatchError, match="features are not those"):
        import_univl(source, tmp_path / "folder", backbone=small_s3d_file)
    (source / "vocab.txt").rename(tmp_path / "vocab.txt")
    with pytest.raises(ModelError, match="no tokenizer") as caught:
        import_univl(source, tmp_path / "folder", backbone=narrow_s3d)
    assert "--tokenizer" in str(caught.value.fix)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(UsageError):
        import_univl(source, tmp_path / "taken", tokenizer=tmp_path / "vocab.txt")
    assert not (tmp_path / "folder").exists()


WITHOUT_TORCH = """
import json, sys
for name in ("torch", "onnx", "onnxruntime", "transformers", "videobert_modeling"):
    sys.modules[name] = None
import videobert
folder, clip, saved = sys.argv[1:4]
with videobert.load(folder, cache_dir=sys.argv[4]) as model:
    features = model.features(clip)
    features.save(saved)
    fit = model.align(saved, "a red circle")
    hidden = model.fill("a [MASK] circle", clip, visual=[1], top=3)
    chosen = model.classify(clip, labels=["red", "blue"], templates=["a [MASK] circle"])
    print(json.dumps({
        "clips": len(features),
        "width": model.embed(clip, "a red circle").vector.shape,
        "engine": fit.origin.engine,
        "scores": [window.score for window in fit.windows],
        "kinds": [filled.kind for filled in hidden.filled],
        "chosen": [segment.candidates[0].text for segment in chosen.segments],
        "segments": len(model.run(clip).segments),
    }))
"""


def test_an_imported_and_built_model_answers_about_a_film_without_torch(univl_folder: Path, tmp_path: Path) -> None:
    clip = BUNDLED / "shapes" / "clip.mp4"
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, univl_folder, clip, tmp_path / "clip.vbf", tmp_path / "cache"],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["width"] == [96]
    assert said["engine"] == "openvino"
    assert said["kinds"] == ["word", "visual"]
    assert set(said["chosen"]) <= {"red", "blue"}
    assert said["segments"] == len(said["scores"]) == -(-said["clips"] // 48)


def test_the_decoder_is_taken_too(tmp_path: Path, univl_state: State) -> None:
    path = write_checkpoint(tmp_path / "source", univl_state) / "univl.pretrained.bin"
    sizes, state = read_univl(path, Ledger("UniVL", "made"))
    decoder = sizes.streams.decoder
    assert decoder is not None
    assert (decoder.layers, decoder.positions) == (2, 48)
    assert sizes.heads == ("alignment", "decoder")
    config = ModelConfig(
        name="made",
        words=sizes.words,
        visual_tokens=0,
        encoder=sizes.encoder,
        heads=sizes.heads,
        family="univl",
        two_streams=sizes.streams,
    )
    UniVl(config).load_state_dict(state)


def test_features_beyond_any_models_are_refused_before_a_backbone_is_made(
    tmp_path: Path, univl_state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(univl, "S3DG", pytest.fail)
    state = {name: value for name, value in univl_state.items() if name.split(".")[0] in ENCODERS}
    table, wide = "visual.embeddings.word_embeddings.weight", 65_536
    state |= {table: torch.zeros(len(state[table]), wide)}
    state |= {f"normalize_video.visual_norm2d.{kind}": torch.zeros(wide) for kind in KINDS}
    source = write_checkpoint(tmp_path / "source", state)
    with pytest.raises(ModelError, match=r"backbone\.feature_dim is out of range; got 65536"):
        import_checkpoint("univl", source, tmp_path / "folder")
