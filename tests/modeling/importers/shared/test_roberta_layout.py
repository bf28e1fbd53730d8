"""A RoBERTa as the text encoder of another family."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.modeling.importers.small_roberta import CONFIG, seeded_state, write_roberta

from videobert.base.errors import ModelError
from videobert_modeling.importers.shared.checkpoint import open_checkpoint
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.roberta_layout import roberta_config, take_text_encoder
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models.encoders.text import TextEncoder

SMALL = CONFIG | {"num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 48, "vocab_size": 400}


def taken(folder: Path) -> tuple[TextEncoder, Ledger]:
    checkpoint, ledger = open_checkpoint(folder), Ledger("RoBERTa", folder.name)
    intake = Intake(checkpoint.tensors, ledger)
    sizes, state = take_text_encoder(intake, roberta_config(checkpoint.path))
    intake.finish()
    with torch.device("meta"):
        encoder = TextEncoder(sizes, len(state["text_encoder.tokens.weight"]))
    encoder.load_state_dict({name.removeprefix("text_encoder."): t for name, t in state.items()}, assign=True)
    return encoder.eval(), ledger


@pytest.mark.parametrize("bare", [False, True], ids=["whole", "bare"])
def test_its_states_are_those_of_transformers(tmp_path: Path, bare: bool) -> None:
    from transformers import RobertaModel

    state = seeded_state(SMALL)
    if bare:
        state = {name.removeprefix("roberta."): t for name, t in state.items() if name.startswith("roberta.")}
    folder = write_roberta(tmp_path, state, **SMALL)
    encoder, ledger = taken(folder)
    theirs = RobertaModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float64).eval()
    ids = np.random.default_rng(0).integers(4, 400, (3, 40))
    lengths = np.array([40, 7, 1])
    mask = np.arange(40) < lengths[:, None]
    given = torch.from_numpy(ids)
    with torch.no_grad():
        expected = theirs(input_ids=given, attention_mask=torch.from_numpy(mask.astype(np.int64))).last_hidden_state
        found = encoder(given, torch.from_numpy(lengths))
    assert (found[mask] - expected[mask]).abs().max() <= 1e-5 * max(1, float(expected[mask].abs().max()))
    assert ledger.count("unexplained") == 0
    assert ledger.count("ignored") == (0 if bare else 7)


def test_sizes_are_those_of_a_config(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(write_roberta(tmp_path, seeded_state(SMALL), **SMALL))
    sizes, _ = take_text_encoder(Intake(checkpoint.tensors, Ledger("", "")), roberta_config(checkpoint.path))
    assert json.loads(json.dumps(dataclasses.asdict(sizes))) == {
        "layers": 2,
        "width": 32,
        "heads": 4,
        "feed_forward": 48,
        "positions": 64,
        "segments": 1,
        "layer_norm_eps": 1e-5,
    }


def test_what_belongs_to_no_text_encoder_stays_unexplained(tmp_path: Path) -> None:
    state = seeded_state(SMALL) | {"decoder.weight": torch.ones(2, 2)}
    with pytest.raises(ModelError, match=r"unexplained: decoder\.weight"):
        taken(write_roberta(tmp_path, state, **SMALL))
