"""Small checkpoints in the layouts of others, written by hand from the names those layouts use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from videobert.engines.base import Engine, EngineOptions

State = dict[str, Tensor]

WORDS = 60
WIDTH = 32
LAYERS = 2
WIDE = 48
POSITIONS = 40
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{i}" for i in range(WORDS - 7)), "##s", "##ing"]


def linear(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, width: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def bert_shapes(rows: int, width: int, layers: int, wide: int, positions: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a modern `BertForPreTraining` state dict, without buffers."""
    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (rows, width),
        "bert.embeddings.position_embeddings.weight": (positions, width),
        "bert.embeddings.token_type_embeddings.weight": (2, width),
        **norm("bert.embeddings.LayerNorm", width),
    }
    for index in range(layers):
        layer = f"bert.encoder.layer.{index}"
        for part in ("query", "key", "value"):
            shapes |= linear(f"{layer}.attention.self.{part}", width, width)
        shapes |= linear(f"{layer}.attention.output.dense", width, width)
        shapes |= norm(f"{layer}.attention.output.LayerNorm", width)
        shapes |= linear(f"{layer}.intermediate.dense", wide, width)
        shapes |= linear(f"{layer}.output.dense", width, wide)
        shapes |= norm(f"{layer}.output.LayerNorm", width)
    shapes |= linear("bert.pooler.dense", width, width)
    shapes["cls.predictions.bias"] = (rows,)
    shapes |= linear("cls.predictions.transform.dense", width, width)
    shapes |= norm("cls.predictions.transform.LayerNorm", width)
    shapes |= linear("cls.predictions.decoder", rows, width)
    shapes |= linear("cls.seq_relationship", 2, width)
    return shapes


def random_bert(rows: int = WORDS) -> State:
    generator = torch.Generator().manual_seed(3)
    shapes = bert_shapes(rows, WIDTH, LAYERS, WIDE, POSITIONS)
    state = {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}
    state["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"].clone()
    state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"].clone()
    return state


@pytest.fixture
def bert_state() -> State:
    """A tiny BERT with every tensor of `BertForPreTraining`."""
    return random_bert()


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    """A `vocab.txt` of 60 words."""
    path = tmp_path / "words" / "vocab.txt"
    path.parent.mkdir()
    path.write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def bert_folder(tmp_path: Path) -> Callable[[State], Path]:
    """Writes a state as a folder like those of the hub: weights, config, vocabulary."""

    def write(state: State, weights: str = "pytorch_model.bin", **config: object) -> Path:
        folder = tmp_path / "hub"
        folder.mkdir(exist_ok=True)
        torch.save(state, folder / weights)
        fields = {"model_type": "bert", "hidden_act": "gelu", "num_attention_heads": 4, "layer_norm_eps": 1e-12}
        (folder / "config.json").write_text(json.dumps(fields | config))
        (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def small_s3d_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A narrow S3D with a 32-wide feature and 5 classes, saved as torchvision would."""
    from videobert_modeling.models import S3D

    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("s3d") / "s3d.pth"
    torch.save(S3D(0.125, 32, 5).state_dict(), path)
    return path


@pytest.fixture(scope="session")
def bert_layout_shapes() -> Callable[..., dict[str, tuple[int, ...]]]:
    """`bert_shapes`, for tests of other sizes."""
    return bert_shapes


@pytest.fixture(scope="session")
def cpu_engines_in_bf16(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], list[Engine]]:
    """The engines that compute in bf16 on this CPU, of a folder that has its graphs."""
    from videobert.base.openvino_core import openvino_core
    from videobert.engines.openvino_engine import OpenVinoEngine
    from videobert.engines.torch_engine import TorchEngine
    from videobert.model.folder import ModelFolder

    def engines(folder: Path) -> list[Engine]:
        options = EngineOptions(precision="bf16", cache_dir=tmp_path_factory.mktemp("cache"))
        found: list[Engine] = [TorchEngine(ModelFolder(folder), "cpu", options)]
        if "BF16" in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            found.append(OpenVinoEngine(ModelFolder(folder), options))
        return found

    return engines
