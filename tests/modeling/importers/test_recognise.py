"""Each layout is known by its names and no other is; what fits none or several is said with what it lacks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from videobert.base.errors import ModelError, UsageError
from videobert_modeling.importers import KINDS, import_checkpoint
from videobert_modeling.importers.recognise import lacking, recognise
from videobert_modeling.importers.signatures import SIGNATURES

State = dict[str, Tensor]
TEXT = (
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "encoder.layer.0.attention.self.query.weight",
)
VISUAL = ("visual.embeddings.word_embeddings.weight", "visual.encoder.layer.0.attention.self.query.weight")


def shapes(*names: str, prefix: str = "", segments: int = 0, **others: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {f"{prefix}{name}": (9, 8) for name in names}
    if segments:
        found[f"{prefix}embeddings.token_type_embeddings.weight"] = (segments, 8)
    return found | {name.replace("__", "."): shape for name, shape in others.items()}


HEAD = {"cls__predictions__transform__dense__weight": (8, 8), "cls__seq_relationship__weight": (2, 8)}
LAYOUTS = {
    "bert": [
        shapes(*TEXT, prefix="bert.", segments=2, **HEAD),
        shapes(*TEXT, segments=2),
        shapes(*TEXT, prefix="bert.", segments=2, similarity=(3,)),
    ],
    "roberta": [
        shapes(*TEXT, prefix="roberta.", segments=1, lm_head__bias=(9,)),
        shapes(*TEXT, segments=1),
    ],
    "mdskul": [
        shapes(*TEXT, prefix="bert.", segments=2, **HEAD, cls__alignment__weight=(2, 8)),
        shapes(*TEXT, prefix="bert.", segments=2, **HEAD) | {"bert.embeddings.word_embeddings.weight": (51_067, 8)},
    ],
    "univl": [shapes(*TEXT, prefix="bert.", segments=2) | shapes(*VISUAL)],
    "ammesatyajit": [
        shapes(
            "tok_embed.weight",
            "pos_encoding.weight",
            "tok_type_embed.weight",
            "fc_out.weight",
            "transformer.encoder.layers.0.linear1.weight",
        )
    ],
    "milnce": [
        shapes("conv1.conv1.weight", "mixed_5c.gating_b0.fc.weight", "fc.weight", "text_module.word_embd.weight")
    ],
    "s3dg": [shapes("conv1.conv1.weight", "mixed_5c.gating_b0.fc.weight", "fc.weight")],
    "s3d": [
        shapes("features.0.0.0.weight", "features.15.branch0.0.weight"),
        shapes("backbone.features.0.0.0.weight", "backbone.features.15.branch0.0.weight"),
        shapes("base.0.conv_s.weight", "base.15.branch0.0.conv.weight"),
    ],
    "i3d": [shapes("Conv3d_1a_7x7.conv3d.weight", "Mixed_5c.b0.conv3d.weight")],
    "resnet": [shapes("conv1.weight", "bn1.running_mean", "layer1.0.conv3.weight", "layer4.0.downsample.0.weight")],
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_layout_is_its_own_alone(kind: str) -> None:
    for example in LAYOUTS[kind]:
        assert [each.kind for each in SIGNATURES if not lacking(each, example)] == [kind]


def test_every_kind_with_names_has_a_signature() -> None:
    assert KINDS.keys() - {"centroids"} <= {each.kind for each in SIGNATURES}
    assert {each.kind for each in SIGNATURES} == {*LAYOUTS, None}


def saved(path: Path, example: dict[str, tuple[int, ...]]) -> Path:
    torch.save({name: torch.zeros(shape) for name, shape in example.items()}, path)
    return path


def test_arrays_without_names_are_centroids(tmp_path: Path) -> None:
    np.save(tmp_path / "centers.npy", np.zeros((4, 3), np.float32))
    np.savez(tmp_path / "centers.npz", centers=np.zeros((4, 3), np.float32))
    loose = tmp_path / "loose"
    loose.mkdir()
    np.save(loose / "centroids-1.npy", np.zeros((4, 3), np.float32))
    for source in (tmp_path / "centers.npy", tmp_path / "centers.npz", loose):
        assert recognise(source, KINDS).kind == "centroids"


def test_why_is_told(tmp_path: Path) -> None:
    source = saved(tmp_path / "some.pt", LAYOUTS["s3d"][0])
    told = recognise(source, KINDS)
    assert told.kind == "s3d"
    assert "torchvision" in told.why
    assert "features.0.0.0.weight" in told.why


def test_what_fits_nothing_names_the_nearest(tmp_path: Path) -> None:
    source = saved(tmp_path / "some.pt", shapes(*TEXT))
    with pytest.raises(ModelError) as raised:
        recognise(source, KINDS)
    said = str(raised.value)
    assert "fits no layout" in said
    assert "bert (a BERT in Hugging Face's names): no bert.embeddings.token_type_embeddings.weight" in said
    with pytest.raises(ModelError, match=r"fits no layout"):
        recognise(saved(tmp_path / "other.pt", {"a": (1,), "b": (2,)}), KINDS)


def test_what_fits_several_is_left_to_the_user(tmp_path: Path) -> None:
    source = saved(tmp_path / "both.pt", LAYOUTS["s3d"][0] | LAYOUTS["i3d"][0])
    with pytest.raises(ModelError) as raised:
        recognise(source, KINDS)
    assert "fits several layouts" in raised.value.what
    assert raised.value.fix == "Name the kind in place of auto: s3d, i3d."


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("bert.encoder.c_layer.0.biattention.query1.weight", "a ViLBERT"),
        ("visual_bert.embeddings.visual_projection.weight", "a VisualBERT"),
    ],
)
def test_what_is_known_by_sight_is_named(name: str, title: str, tmp_path: Path) -> None:
    source = saved(tmp_path / "some.pt", shapes(*TEXT, prefix="bert.", segments=2) | {name: (8, 8)})
    with pytest.raises(ModelError) as raised:
        recognise(source, KINDS)
    assert title in raised.value.what
    assert "does not read" in raised.value.what


def test_a_kind_that_there_is_no_importer_for_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="an S3D in torchvision's names or Kyle Min's, which this release"):
        recognise(saved(tmp_path / "some.pt", LAYOUTS["s3d"][0]), ["bert"])


def test_an_import_says_what_it_was_told_by(tmp_path: Path, bert_state: State, vocabulary: Path) -> None:
    source = tmp_path / "some.bin"
    torch.save(bert_state, source)
    ledger = import_checkpoint("auto", source, tmp_path / "model", tokenizer=vocabulary, visual_tokens=7)
    assert ledger.notes[0].startswith("recognised as bert: a BERT in Hugging Face's names, by bert.embeddings.")
    assert ledger.summary().splitlines()[1].startswith("note: recognised as bert")
    with pytest.raises(UsageError, match="an import of kind bert has no such option"):
        import_checkpoint("auto", source, tmp_path / "other", branching=3)


def test_a_folder_stands_for_the_published_univl_in_it(tmp_path: Path) -> None:
    state = {name: torch.zeros(shape) for name, shape in LAYOUTS["univl"][0].items()}
    torch.save(state, tmp_path / "univl.pretrained.bin")
    assert recognise(tmp_path, KINDS).kind == "univl"


@pytest.mark.parametrize("name", ["word_embeddings", "token_type_embeddings"])
def test_a_number_in_place_of_a_table_is_no_crash(name: str) -> None:
    found = shapes(*TEXT, prefix="bert.", segments=2, **HEAD) | {f"bert.embeddings.{name}.weight": ()}
    for signature in SIGNATURES:
        lacking(signature, found)
