"""A UniVL checkpoint whose values follow from the names of its tensors, as a folder to import."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tests.modeling.name_seeds import seeded

from videobert.model.recipe import Recipe

State = dict[str, torch.Tensor]
VECTORS = Path(__file__).parents[1] / "vectors" / "univl.json"
HEADS, WORDS, WIDTH, DIM = 4, 500, 96, 1024
# Clips a second as of the published model, and pictures that a test has time for.
RECIPE = Recipe(fps=16, frames=16, short_side=48, crop=48, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
_PLAIN = ("red", "blue", "green", "a", "the", "circle", "square", "moves", "is")
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_PLAIN, *(f"w{i}" for i in range(WORDS - 14))]


def masked_heads(state: State) -> State:
    """What a checkpoint of pretraining has besides, tied as there."""
    shapes: dict[str, list[int]] = {}
    for head, size in (("cls", WORDS), ("cls_visual", DIM)):
        name = f"{head}.predictions."
        shapes |= {f"{name}transform.dense.weight": [WIDTH, WIDTH], f"{name}transform.dense.bias": [WIDTH]}
        shapes |= {f"{name}transform.LayerNorm.weight": [WIDTH], f"{name}transform.LayerNorm.bias": [WIDTH]}
        shapes[f"{name}bias"] = [size]
    made = {name: seeded(name, shape) for name, shape in shapes.items()}
    made["cls.predictions.decoder.weight"] = state["bert.embeddings.word_embeddings.weight"]
    made["cls_visual.predictions.weight"] = state["visual.embeddings.word_embeddings.weight"]
    return made


def config() -> dict[str, object]:
    """The configurations of all parts."""
    fields: dict[str, object] = json.loads(VECTORS.read_text())["config"]
    return fields


def write_checkpoint(folder: Path, state: State, **fields: object) -> Path:
    """A folder with weights, configuration and vocabulary; `fields` replace the configuration."""
    folder.mkdir(exist_ok=True)
    torch.save(state, folder / "univl.pretrained.bin")
    (folder / "config.json").write_text(json.dumps(fields or config()))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
    return folder


def given() -> dict[str, npt.NDArray[np.generic]]:
    """Two texts and two films, one of each shorter than the room that it has."""
    random = np.random.default_rng(4)
    return {
        "ids": random.integers(5, WORDS, (2, 20)),
        "text_lengths": np.array([20, 7]),
        "features": random.standard_normal((2, 24, DIM)).astype(np.float32) * 3,
        "video_lengths": np.array([24, 11]),
    }
