"""The next-token checkpoint as a model folder: its words, its tables, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.modeling.importers.next_token_checkpoint import (
    HEADS,
    LAYERS,
    POSITIONS,
    TOKENS,
    VISUAL,
    WIDE,
    WIDTH,
    WORDS,
    checkpoint,
    written,
)
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.base.limits import Limits
from videobert.model.config import ModelConfig
from videobert.text.reader import TextTokenizer
from videobert_modeling.importers import import_checkpoint
from videobert_modeling.model_folder.refit import check_refit
from videobert_modeling.models import load_weights

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def state() -> State:
    return checkpoint()


Import = Callable[..., Path]


@pytest.fixture
def imported(tmp_path: Path, small_s3d_file: Path) -> Import:
    """Imports a state with what lies beside it."""

    def run(state: State, words: list[str] = WORDS, leaves: int | None = VISUAL, **options: object) -> Path:
        torch.save(state, tmp_path / "pytorch_model.bin")
        centroids = None
        if leaves is not None:
            centroids = tmp_path / "centers.npy"
            np.save(centroids, np.random.default_rng(0).standard_normal((leaves, 32)).astype(np.float32))
        import_checkpoint(
            "ammesatyajit",
            tmp_path / "pytorch_model.bin",
            tmp_path / "model",
            dictionary=written(tmp_path, words),
            backbone=small_s3d_file,
            centroids=centroids,
            **{"heads": HEADS, **options},
        )
        return tmp_path / "model"

    return run


def test_the_folder_says_what_the_checkpoint_is(imported: Import, state: State) -> None:
    folder = imported(state)
    config = ModelConfig.read(folder / "config.json")
    assert (config.family, config.words, config.visual_tokens) == ("next_token", len(WORDS), VISUAL)
    encoder = config.encoder
    assert (encoder.layers, encoder.width, encoder.heads) == (LAYERS, WIDTH, HEADS)
    assert (encoder.feed_forward, encoder.positions, encoder.layer_norm_eps) == (WIDE, POSITIONS, 1e-5)
    ledger = json.loads((folder / "import.json").read_text())
    assert {entry["name"] for entry in ledger["tensors"]} == set(state)
    assert set(ledger["counts"]) == {"renamed"}
    ours = load_weights(folder)[1].state_dict()
    assert torch.equal(ours["past_encoder.tokens.weight"], state["tok_embed.weight"])
    stacked = state["transformer.decoder.layers.1.multihead_attn.in_proj_weight"]
    parts = [ours[f"past_encoder.decoder.1.memory_attention.{name}.weight"] for name in ("query", "key_value")]
    assert torch.equal(torch.cat(parts), stacked)


def tokenizer_of(folder: Path) -> TextTokenizer:
    config = ModelConfig.read(folder / "config.json")
    return TextTokenizer((folder / "tokenizer.json").read_bytes(), config, Limits())


def test_texts_are_cut_into_words_and_special_words_cannot_be_written(imported: Import, state: State) -> None:
    tokenizer = tokenizer_of(imported(state))
    assert [WORDS[i] for i in tokenizer.encode("It's the PAN, don't")] == ["it", "'s", "the", "pan", ",", "do", "n't"]
    assert (tokenizer.special.cls, tokenizer.special.sep, tokenizer.special.pad) == (2, WORDS.index("<sep>"), 1)
    assert tokenizer.special.unknown == 0
    for text in ("<sos>", "<sep>", "[CLS]", "[SEP]", "<pad>"):
        assert set(tokenizer.encode(text)) == {0}


def test_a_separator_that_is_no_word_is_the_unknown_word(imported: Import, state: State) -> None:
    """So it was in training: torchtext gives a word that it does not have the row of `<unk>`."""
    words = [*WORDS[:-1], "stir"]
    tokenizer = tokenizer_of(imported(state, words))
    assert tokenizer.special.sep == tokenizer.special.unknown == 0
    assert tokenizer.encode("stir") == [len(words) - 1]


@pytest.mark.parametrize("lacking", ["<unk>", "<pad>", "<sos>", "<eos>"])
def test_words_without_the_special_ones_are_refused(imported: Import, state: State, lacking: str) -> None:
    with pytest.raises(ModelError, match="lacks special words") as refused:
        imported(state, [word if word != lacking else "x" for word in WORDS])
    assert refused.value.seen == lacking


def test_the_tokenizer_that_needs_code_is_refused_with_a_way_out(tmp_path: Path) -> None:
    for dictionary in (None, tmp_path / "tokenizer.pt"):
        with pytest.raises(ModelError, match="needs code to load") as refused:
            import_checkpoint("ammesatyajit", tmp_path, tmp_path / "model", dictionary=dictionary)
        assert "vocab.itos" in str(refused.value.fix)


@pytest.mark.parametrize(
    ("words", "leaves", "options", "says"),
    [
        (WORDS[:-1], VISUAL, {}, "does not fit the words and the visual tokens"),
        ([*WORDS, "x"], VISUAL, {}, "does not fit the words and the visual tokens"),
        (WORDS, VISUAL + 1, {}, "does not fit the words and the visual tokens"),
        (WORDS, None, {}, "does not fit the words and the visual tokens"),
        (WORDS, None, {"visual_tokens": VISUAL - 1}, "does not fit the words and the visual tokens"),
        (WORDS, VISUAL, {"visual_tokens": VISUAL - 1}, "another number of leaves"),
        (WORDS, VISUAL, {"heads": 5}, "does not divide into attention heads"),
        (WORDS, VISUAL, {"heads": None}, "does not divide into attention heads"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    imported: Import, state: State, words: list[str], leaves: int | None, options: dict[str, int], says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        imported(state, words, leaves, **options)


def test_centroids_may_come_later(imported: Import, state: State) -> None:
    folder = imported(state, leaves=None, visual_tokens=VISUAL)
    assert not (folder / "codebook.safetensors").exists()


def test_other_centroids_than_those_of_training_cannot_come(imported: Import, state: State) -> None:
    folder = imported(state, leaves=None, visual_tokens=VISUAL)
    with pytest.raises(ModelError, match="mean the centroids that it was trained with"):
        check_refit(folder, replace=False)


def without(name: str) -> Callable[[State], State]:
    return lambda state: {key: tensor for key, tensor in state.items() if key != name}


def turned(name: str) -> Callable[[State], State]:
    return lambda state: {**state, name: state[name].T.contiguous()}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (without("tok_embed.weight"), r"not a checkpoint of this next-token model.*no matrix tok_embed"),
        (without("fc_out.bias"), r"lacks the tensor fc_out\.bias"),
        (without("transformer.decoder.norm.weight"), r"lacks the tensor transformer\.decoder\.norm\.weight"),
        (without("transformer.encoder.layers.1.self_attn.in_proj_bias"), "lacks the tensor transformer.encoder"),
        (lambda state: {**state, "fc_new.weight": torch.ones(2, 2)}, "1 tensors are unexplained.*fc_new"),
        # Longer than Python turns into a number.
        (
            lambda state: {**state, f"transformer.encoder.layers.{'9' * 5000}.x": torch.ones(2)},
            "1 tensors are unexplained",
        ),
        (turned("fc_out.weight"), r"tensor fc_out\.weight has another shape"),
        (turned("transformer.encoder.layers.0.linear2.weight"), "linear2.weight has another shape"),
        (turned("transformer.encoder.layers.0.self_attn.in_proj_weight"), "in_proj_weight has another shape"),
        (turned("tok_type_embed.weight"), r"tok_type_embed\.weight has another shape"),
        (
            lambda state: {name: t for name, t in state.items() if "decoder.layers.1" not in name},
            "not equally deep",
        ),
        (lambda state: {f"bert.{name}": tensor for name, tensor in state.items()}, "imported as mdskul"),
        (lambda state: {**state, "fc_out.bias": torch.full((TOKENS,), torch.inf)}, "NaN or infinite"),
    ],
)
def test_another_checkpoint_is_refused(
    imported: Import, state: State, change: Callable[[State], State], says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        imported(change(state))
