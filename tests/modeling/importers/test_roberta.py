"""Hugging Face RoBERTa: each trap of the layout by itself, and equality with transformers through every CPU engine."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.modeling.importers.small_roberta import CONFIG, State, roberta_shapes, seeded_state, write_roberta
from tests.small_byte_level import byte_level, vocabulary

from videobert.base.errors import ModelError
from videobert.engines.base import Engine, EngineOptions
from videobert.engines.openvino_engine import OpenVinoEngine
from videobert.engines.torch_engine import TorchEngine
from videobert.model.config import BackboneConfig
from videobert.model.folder import ModelFolder
from videobert.text.byte_level import is_answer
from videobert_modeling.export import export_folder
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.importers.roberta import read_roberta
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D, VideoBert, load_weights

TINY = CONFIG | {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "vocab_size": 400,
    "max_position_embeddings": 42,
}
SPECIAL = 4  # `<s> <pad> </s> <unk>` come first


def side() -> VisualSide:
    with torch.device("meta"):
        backbone = S3D(0.125, 32)
    return VisualSide(backbone, BackboneConfig(width=0.125, feature_dim=32), None)


def read(source: Path, *, strict: bool = True, **options: Any) -> tuple[VideoBert, Ledger]:
    ledger = Ledger("RoBERTa", source.name)
    return read_roberta(source, side(), ledger, strict=strict, visual_tokens=7, **options), ledger


def equal(one: VideoBert, other: VideoBert) -> bool:
    left, right = one.state_dict(), other.state_dict()
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def statuses(ledger: Ledger) -> dict[str, str]:
    return {entry.name: entry.status for entry in ledger.entries}


@pytest.fixture
def state() -> State:
    return seeded_state(TINY)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> VideoBert:
    return read(write_roberta(tmp_path_factory.mktemp("plain"), seeded_state(TINY), **TINY))[0]


def test_names_and_shapes_are_transformers_own() -> None:
    from transformers import RobertaConfig, RobertaForMaskedLM

    listed = {name: list(shape) for name, shape in roberta_shapes().items()}
    assert zlib.crc32(json.dumps(listed).encode()) == 169545453
    with torch.device("meta"):
        theirs = RobertaForMaskedLM(RobertaConfig(**CONFIG)).state_dict()
    assert {name: list(tensor.shape) for name, tensor in theirs.items()} == listed


def test_every_tensor_lands_where_it_belongs(tmp_path: Path, state: State) -> None:
    model, ledger = read(write_roberta(tmp_path, state, **TINY))
    ours = model.state_dict()
    assert torch.equal(ours["encoder.tokens.weight"][:400], state["roberta.embeddings.word_embeddings.weight"])
    assert torch.equal(ours["encoder.positions.weight"], state["roberta.embeddings.position_embeddings.weight"][2:])
    attention = "roberta.encoder.layer.1.attention.self."
    stacked = torch.cat([state[f"{attention}{part}.bias"] for part in ("query", "key", "value")])
    assert torch.equal(ours["encoder.layers.1.attention.qkv.bias"], stacked)
    assert torch.equal(ours["heads.transform.norm.weight"], state["lm_head.layer_norm.weight"])
    assert torch.equal(ours["heads.bias"][:400], state["lm_head.bias"])
    sizes = model.config.encoder
    assert (sizes.layers, sizes.width, sizes.heads, sizes.feed_forward) == (2, 32, 4, 48)
    assert (sizes.positions, sizes.segments, sizes.layer_norm_eps) == (40, 1, 1e-5)
    assert {entry.name for entry in ledger.entries} == set(state)
    assert (ledger.count("tied"), ledger.count("unexplained")) == (2, 0)


@pytest.mark.parametrize("pooler", [False, True], ids=["masked-words", "encoder-with-pooler"])
def test_what_transformers_saves_is_read(tmp_path: Path, pooler: bool) -> None:
    from transformers import RobertaConfig, RobertaForMaskedLM, RobertaModel

    torch.manual_seed(0)
    theirs = (RobertaModel if pooler else RobertaForMaskedLM)(RobertaConfig(**TINY))
    theirs.save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(byte_level(400))
    model, ledger = read(tmp_path)
    table = theirs.get_input_embeddings().weight
    assert torch.equal(model.encoder.tokens.weight[:400], table)
    assert ledger.count("ignored") == (2 if pooler else 0)
    assert ("prediction head: random" in ledger.uninitialised) == pooler


def test_a_bare_encoder_without_the_prefix(tmp_path: Path, state: State, plain: VideoBert) -> None:
    bare = {name.removeprefix("roberta."): t for name, t in state.items() if name.startswith("roberta.")}
    model, ledger = read(write_roberta(tmp_path, bare, **TINY))
    ours, theirs = model.encoder.state_dict(), plain.encoder.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert "prediction head: random" in ledger.uninitialised
    assert all(entry.reason for entry in ledger.entries if entry.status == "missing")


@pytest.mark.parametrize(
    "left_out",
    [["lm_head.decoder.bias"], ["lm_head.bias"], ["lm_head.decoder.weight", "lm_head.decoder.bias"]],
    ids=["no-decoder-bias", "only-decoder-bias", "neither"],
)
def test_tied_copies_that_are_not_in_the_file(
    tmp_path: Path, state: State, plain: VideoBert, left_out: list[str]
) -> None:
    for name in left_out:
        del state[name]
    model, ledger = read(write_roberta(tmp_path, state, **TINY))
    assert equal(model, plain)
    assert ledger.count("missing") == 0


@pytest.mark.parametrize("name", ["lm_head.decoder.weight", "lm_head.decoder.bias"])
def test_copies_that_differ_are_refused(tmp_path: Path, state: State, plain: VideoBert, name: str) -> None:
    state[name] = state[name] + 1
    folder = write_roberta(tmp_path, state, **TINY)
    with pytest.raises(ModelError, match=f"{name} should repeat"):
        read(folder)
    model, ledger = read(folder, strict=False)
    assert equal(model, plain)
    assert statuses(ledger)[name] == "ignored"


def test_buffers_and_poolers_are_ignored_for_a_reason(tmp_path: Path, state: State, plain: VideoBert) -> None:
    state["roberta.embeddings.position_ids"] = torch.arange(42)[None]
    state["roberta.embeddings.token_type_ids"] = torch.zeros(1, 42, dtype=torch.int64)
    state["roberta.pooler.dense.weight"], state["roberta.pooler.dense.bias"] = torch.ones(32, 32), torch.ones(32)
    model, ledger = read(write_roberta(tmp_path, state, "pytorch_model.bin", **TINY))
    assert equal(model, plain)
    assert ledger.count("ignored") == 4
    assert all(entry.reason for entry in ledger.entries if entry.status == "ignored")


def test_rows_of_positions_before_the_first_word_follow_the_id_of_padding(tmp_path: Path, state: State) -> None:
    model, _ = read(write_roberta(tmp_path, state, **TINY | {"pad_token_id": 4}))
    table = state["roberta.embeddings.position_embeddings.weight"]
    assert torch.equal(model.encoder.positions.weight, table[5:])


def test_of_several_segments_the_first_is_kept(tmp_path: Path, state: State) -> None:
    rows = torch.randn(2, 32)
    state["roberta.embeddings.token_type_embeddings.weight"] = rows
    model, ledger = read(write_roberta(tmp_path, state, **TINY | {"type_vocab_size": 2}))
    assert torch.equal(model.encoder.segments.weight, rows[:1])
    assert any("of 2 segments" in note for note in ledger.notes)


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(
    "name",
    [
        "roberta.embeddings.position_embeddings.weight",
        "roberta.embeddings.LayerNorm.bias",
        "roberta.encoder.layer.1.attention.self.key.bias",
        "lm_head.dense.weight",
        "lm_head.layer_norm.bias",
    ],
)
def test_a_missing_tensor_is_refused_by_name_however_lenient(
    tmp_path: Path, state: State, name: str, strict: bool
) -> None:
    del state[name]
    with pytest.raises(ModelError, match=name.removeprefix("roberta.")):
        read(write_roberta(tmp_path, state, **TINY), strict=strict)


def test_a_layer_that_is_missing_is_refused(tmp_path: Path, state: State) -> None:
    cut = {name: tensor for name, tensor in state.items() if ".layer.1." not in name}
    with pytest.raises(ModelError, match="num_hidden_layers; got 2; allowed: 1"):
        read(write_roberta(tmp_path, cut, **TINY))


@pytest.mark.parametrize("name", ["classifier.dense.weight", "roberta.encoder.layer.2.output.dense.bias"])
def test_a_tensor_too_many_is_refused_by_name(tmp_path: Path, state: State, name: str) -> None:
    state[name] = torch.ones(32)
    folder = write_roberta(tmp_path, state, **TINY)
    with pytest.raises(ModelError, match=rf"unexplained: {name} \[32\]"):
        read(folder)
    assert statuses(read(folder, strict=False)[1])[name] == "unexplained"


@pytest.mark.parametrize(
    "name",
    [
        "roberta.embeddings.word_embeddings.weight",
        "roberta.embeddings.position_embeddings.weight",
        "roberta.encoder.layer.0.intermediate.dense.weight",
        "roberta.encoder.layer.1.output.dense.weight",
        "lm_head.decoder.weight",
    ],
)
@pytest.mark.parametrize("config", [True, False], ids=["config", "no-config"])
def test_a_transposed_matrix_is_refused(tmp_path: Path, state: State, name: str, config: bool) -> None:
    state[name] = state[name].T.contiguous()
    folder = write_roberta(tmp_path, state, **TINY)
    if not config:
        (folder / "config.json").unlink()
    with pytest.raises(ModelError):
        read(folder, heads=4)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model_type": "bert"}, "not a plain RoBERTa: model_type; got bert"),
        ({"model_type": "camembert"}, "not a plain RoBERTa: model_type"),
        ({"hidden_act": "gelu_new"}, "not a plain RoBERTa: hidden_act"),
        ({"position_embedding_type": "relative_key"}, "not a plain RoBERTa: position_embedding_type"),
        ({"num_hidden_layers": 3}, "num_hidden_layers"),
        ({"hidden_size": 64}, "hidden_size; got 64; allowed: 32"),
        ({"intermediate_size": 32}, "intermediate_size"),
        ({"vocab_size": 401}, "vocab_size"),
        ({"max_position_embeddings": 40}, "max_position_embeddings"),
        ({"type_vocab_size": 2}, "type_vocab_size"),
        ({"hidden_size": "32"}, "hidden_size is not a number"),
        ({"num_attention_heads": 5}, "heads"),
        ({"layer_norm_eps": "x"}, "layer_norm_eps"),
        ({"pad_token_id": None}, "pad_token_id"),
        ({"pad_token_id": -2}, "pad_token_id"),
        ({"pad_token_id": 41}, "no row for a word"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_the_wrong_config_is_refused(tmp_path: Path, state: State, changed: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        read(write_roberta(tmp_path, state, **TINY | changed))


def test_a_bert_is_no_roberta(tmp_path: Path, bert_folder: Any, bert_state: State) -> None:
    folder = bert_folder(bert_state)
    with pytest.raises(ModelError, match="not a plain RoBERTa"):
        read(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match="no RoBERTa word table"):
        read(folder)
    torch.save({name.removeprefix("bert."): t for name, t in bert_state.items()}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="nothing says that this is a RoBERTa"):
        read(folder)


class TestStorage:
    """Weights keep every value: in half the space where that is enough."""

    @staticmethod
    def stored(tmp_path: Path, state: State, **options: Any) -> tuple[State, Ledger]:
        from safetensors.torch import load_file

        source = write_roberta(tmp_path / "hub", state, **TINY)
        out = tmp_path / "out"
        ledger = import_checkpoint("roberta", source, out, visual_tokens=7, **options)
        return load_file(out / "model.safetensors"), ledger

    @pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float16], ids=str)
    def test_every_value_is_kept(self, tmp_path: Path, state: State, kind: torch.dtype) -> None:
        state = {name: tensor.to(kind) for name, tensor in state.items()}
        found, ledger = self.stored(tmp_path, state)
        # bf16 reaches below float16: a few values of any network are too small for it.
        wanted = torch.float16 if kind == torch.float16 else torch.float32
        assert {tensor.dtype for name, tensor in found.items() if tensor.dim() > 1} == {wanted}
        layer = "roberta.encoder.layer.1.output.dense.weight"
        assert torch.equal(found["encoder.layers.1.outer.weight"].float(), state[layer].float())
        assert any(f"stored as {str(wanted).removeprefix('torch.')}" in note for note in ledger.notes)

    def test_bf16_that_float16_holds_takes_half_the_space(self, tmp_path: Path, state: State) -> None:
        coarse = {name: (tensor * 64).round().div(64).to(torch.bfloat16) for name, tensor in state.items()}
        found, _ = self.stored(tmp_path, coarse)
        assert found["encoder.layers.0.inner.weight"].dtype == torch.float16

    def test_the_backbones_values_count_too(self, tmp_path: Path, state: State, small_s3d_file: Path) -> None:
        halves = {name: tensor.half() for name, tensor in state.items()}
        found, _ = self.stored(tmp_path, halves, backbone=small_s3d_file)
        assert found["encoder.layers.0.inner.weight"].dtype == torch.float32

    def test_a_type_that_is_asked_for_holds(self, tmp_path: Path, state: State) -> None:
        found, _ = self.stored(tmp_path, state, dtype="float16")
        assert found["encoder.layers.0.inner.weight"].dtype == torch.float16


class TestParity:
    """States and masked-word logits of the engines against `RobertaForMaskedLM` in float64."""

    LENGTHS = (40, 23, 1)

    @pytest.fixture(scope="class")
    @classmethod
    def folder(cls, tmp_path_factory: pytest.TempPathFactory, small_s3d_file: Path) -> Path:
        root = tmp_path_factory.mktemp("parity")
        source = write_roberta(root / "hub", seeded_state())
        import_checkpoint("roberta", source, root / "out", visual_tokens=16, backbone=small_s3d_file)
        export_folder(root / "out", text_only=True)
        return root / "out"

    @pytest.fixture(scope="class")
    @classmethod
    def reference(cls, folder: Path) -> Any:
        from transformers import RobertaForMaskedLM

        return RobertaForMaskedLM.from_pretrained(folder.parent / "hub", dtype=torch.float32).eval()

    @pytest.fixture(scope="class", params=["torch", "openvino"])
    @classmethod
    def engine(cls, request: pytest.FixtureRequest, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
        opened, options = ModelFolder(folder), EngineOptions(precision="fp32", cache_dir=tmp_path_factory.mktemp("c"))
        return TorchEngine(opened, "cpu", options) if request.param == "torch" else OpenVinoEngine(opened, options)

    @classmethod
    def inputs(cls) -> dict[str, np.ndarray]:
        ids = np.random.default_rng(3).integers(SPECIAL, CONFIG["vocab_size"], (3, 40))
        return {"ids": ids, "segments": np.zeros_like(ids), "lengths": np.array(cls.LENGTHS)}

    @classmethod
    def theirs(cls, reference: Any, dtype: torch.dtype) -> tuple[np.ndarray, np.ndarray]:
        """Last states and logits at real places, from a mask as transformers takes it."""
        import copy

        network = copy.deepcopy(reference).to(dtype)
        given = cls.inputs()
        mask = np.arange(40) < given["lengths"][:, None]
        ids, real = torch.from_numpy(given["ids"]), torch.from_numpy(mask.astype(np.int64))
        with torch.no_grad():
            states = network.roberta(input_ids=ids, attention_mask=real).last_hidden_state
            logits = network(input_ids=ids, attention_mask=real).logits
        return states.double().numpy()[mask], logits.double().numpy()[mask]

    @classmethod
    def ours(cls, engine: Engine) -> tuple[np.ndarray, np.ndarray]:
        given = cls.inputs()
        states = engine.run("encoder", **given)[np.arange(40) < given["lengths"][:, None]]
        return states, engine.run("text_head", states=np.ascontiguousarray(states))

    def test_fp32(self, engine: Engine, reference: Any) -> None:
        for found, expected, bar in zip(
            self.ours(engine), self.theirs(reference, torch.float64), (1e-5, 1e-4), strict=True
        ):
            assert expected.std() > 0.1
            assert np.abs(found - expected).max() <= bar * max(1, np.abs(expected).max())

    def test_bf16_errs_at_most_twice_as_torch_does(
        self, folder: Path, reference: Any, cpu_engines_in_bf16: Any
    ) -> None:
        exact, plain = (self.theirs(reference, kind) for kind in (torch.float64, torch.bfloat16))
        for engine in cpu_engines_in_bf16(folder):
            for found, right, rounded in zip(self.ours(engine), exact, plain, strict=True):
                assert np.abs(found - right).max() <= 2 * np.abs(rounded - right).max()

    def test_a_text_alone_is_the_same_as_in_a_batch(self, engine: Engine) -> None:
        given = self.inputs()
        together = engine.run("encoder", **given)
        for row, length in enumerate(self.LENGTHS):
            alone = engine.run(
                "encoder",
                ids=given["ids"][row : row + 1, :length],
                segments=given["segments"][row : row + 1, :length],
                lengths=given["lengths"][row : row + 1],
            )
            assert np.abs(alone[0] - together[row, :length]).max() <= 1e-5

    def test_what_stands_past_a_length_cannot_matter(self, engine: Engine) -> None:
        given = self.inputs()
        before = engine.run("encoder", **given)[1, :23]
        given["ids"][1, 23:] = 1
        assert np.array_equal(engine.run("encoder", **given)[1, :23], before)

    def test_a_folder_is_read_back_exactly(self, folder: Path) -> None:
        _, model = load_weights(folder)
        assert torch.equal(
            model.encoder.positions.weight, seeded_state()["roberta.embeddings.position_embeddings.weight"][2:]
        )

    @pytest.mark.parametrize("mask", ["[MASK]", "<mask>"])
    def test_words_are_filled_in_as_transformers_does(self, folder: Path, reference: Any, mask: str) -> None:
        import videobert

        words = vocabulary(CONFIG["vocab_size"])[0]
        ids = [words[word] for word in ("<s>", "a", "<mask>", "Ġcircle", "</s>")]
        with torch.no_grad():
            logits = reference(input_ids=torch.tensor([ids])).logits[0, 2].double()
        with videobert.load(folder, engine="openvino", precision="fp32") as model:
            (filled,) = model.fill(f"a {mask} circle", top=8).filled
        shown = [index for word, index in words.items() if is_answer(word) and index not in (*range(4), ids[2])]
        wanted = torch.zeros(len(words), dtype=torch.float64)
        wanted[shown] = logits[shown].softmax(0)
        assert [candidate.id for candidate in filled.candidates] == wanted.topk(8).indices.tolist()
        assert all(abs(each.score - wanted[each.id]) < 1e-6 for each in filled.candidates)
        assert not any(each.text.startswith(" ") for each in filled.candidates)
