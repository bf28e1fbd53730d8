"""The next-token model against float64, through torch and OpenVINO, and against torch's own transformer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
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
)
from tests.modeling.models.plain_next_token import logits as plain_logits
from torch import Tensor, nn

from videobert.base.errors import InputError
from videobert.model.config import BackboneConfig
from videobert.model.recipe import Recipe
from videobert_modeling.export.portable.graphs import graphs_of
from videobert_modeling.export.portable.onnx_file import to_onnx
from videobert_modeling.export.portable.parity import Reference, onnxruntime_runner, openvino_runner
from videobert_modeling.importers.ammesatyajit import read_ammesatyajit
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import S3D
from videobert_modeling.models.families.next_token import NextToken

Array = npt.NDArray[Any]
Run = Callable[[str, dict[str, Array]], Array]
RECIPE = Recipe(frames=14, short_side=40, crop=32)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return checkpoint()


@pytest.fixture(scope="module")
def side() -> VisualSide:
    return VisualSide(S3D(0.125, 32).eval(), BackboneConfig(width=0.125, feature_dim=32), None)


@pytest.fixture(scope="module")
def model(state: dict[str, Tensor], side: VisualSide, tmp_path_factory: pytest.TempPathFactory) -> NextToken:
    path: Path = tmp_path_factory.mktemp("next-token") / "w.pt"
    torch.save(state, path)
    return read_ammesatyajit(path, WORDS, side, Ledger("x", "w.pt"), visual_tokens=VISUAL, heads=HEADS)


@pytest.fixture(scope="module")
def runs(model: NextToken, side: VisualSide) -> dict[str, Run]:
    """A stage by torch, and by OpenVINO from its exported graph, which is checked as a build checks it."""
    stages, openvino = {}, {}
    for graph in graphs_of(side.backbone, model, RECIPE):
        if graph.name == "backbone":
            continue
        content = to_onnx(graph)
        Reference(graph).check("onnxruntime", onnxruntime_runner(content))
        stages[graph.name], openvino[graph.name] = graph.module, openvino_runner(content)

    def by_torch(stage: str, inputs: dict[str, Array]) -> Array:
        with torch.inference_mode():
            return stages[stage](**{name: torch.from_numpy(array) for name, array in inputs.items()}).numpy()

    return {"torch": by_torch, "openvino": lambda stage, inputs: openvino[stage](inputs)}


def sequences(*lengths: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(sum(lengths))
    shape = (len(lengths), max(lengths))
    return rng.integers(0, TOKENS, shape), np.sort(rng.integers(0, 2, shape), axis=1)


def logits(run: Run, ids: Array, segments: Array) -> Array:
    states = np.array(run("past_encoder", {"ids": ids, "segments": segments}))
    return np.array(run("next_token_head", {"states": states.reshape(-1, WIDTH)})).reshape(*ids.shape, TOKENS)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize("lengths", [(1,), (7, 7, 7), (POSITIONS,)], ids=str)
def test_logits_are_those_of_the_plain_network(
    state: dict[str, Tensor], runs: dict[str, Run], engine: str, lengths: tuple[int, ...]
) -> None:
    ids, segments = sequences(*lengths)
    ours = logits(runs[engine], ids, segments)
    for row in range(len(lengths)):
        plain = plain_logits(state, ids[row].tolist(), segments[row].tolist(), HEADS)
        assert np.abs(ours[row] - plain).max() <= 1e-4 * max(1, np.abs(plain).max())


def test_the_plain_network_is_torchs_transformer(state: dict[str, Tensor]) -> None:
    """With the masks of the reproduction: every attention sees up to its own place."""
    network = nn.Transformer(WIDTH, HEADS, LAYERS, LAYERS, WIDE, activation="gelu").double().eval()
    own = {name.removeprefix("transformer."): t.double() for name, t in state.items() if name.startswith("transf")}
    network.load_state_dict(own)
    ids, segments = (torch.from_numpy(part) for part in sequences(9))
    s = {name: tensor.double() for name, tensor in state.items()}
    given = s["tok_embed.weight"][ids] * WIDTH**0.5 + s["pos_encoding.weight"][:9]
    given = (given + s["tok_type_embed.weight"][segments]).transpose(0, 1)
    mask = torch.full((9, 9), -torch.inf).triu(1).double()
    with torch.inference_mode():
        states = network(given, given, src_mask=mask, tgt_mask=mask, memory_mask=mask).transpose(0, 1)
    theirs = (states @ s["fc_out.weight"].T + s["fc_out.bias"])[0].numpy()
    plain = plain_logits(state, ids[0].tolist(), segments[0].tolist(), HEADS)
    np.testing.assert_allclose(plain, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_what_stands_behind_a_place_cannot_matter(runs: dict[str, Run], engine: str) -> None:
    ids, segments = sequences(12)
    whole = logits(runs[engine], ids, segments)
    changed = ids.copy()
    changed[:, 5:] = TOKENS - 1 - changed[:, 5:]
    np.testing.assert_allclose(logits(runs[engine], changed, segments)[:, :5], whole[:, :5], atol=1e-5)
    np.testing.assert_allclose(logits(runs[engine], ids[:, :5], segments[:, :5]), whole[:, :5], atol=1e-5)


def test_a_batch_of_one_is_any_batch(runs: dict[str, Run]) -> None:
    ids, segments = sequences(6, 6, 6, 6)
    together = logits(runs["torch"], ids, segments)
    for row in range(4):
        alone = logits(runs["torch"], ids[row : row + 1], segments[row : row + 1])
        np.testing.assert_allclose(alone[0], together[row], atol=1e-5)


def test_a_sequence_longer_than_the_table_is_refused(model: NextToken) -> None:
    ids = torch.zeros(1, POSITIONS + 1, dtype=torch.int64)
    with pytest.raises(InputError, match="too long"):
        model.past_encoder(ids, ids)
