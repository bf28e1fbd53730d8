"""Published networks with weights that follow from the names of their tensors."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch


def seeded(name: str, shape: list[int]) -> torch.Tensor:
    """The values that the reference outputs under `vectors/` were computed with."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    x = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        x = np.abs(x) * 0.2 + 0.9
    elif name.endswith("running_mean"):
        x = 0.1 * x
    elif len(shape) == 1:
        x = 1 + 0.1 * x if name.endswith("weight") else 0.1 * x
    else:
        x = x * np.sqrt(2 / np.prod(shape[1:]))
    return torch.from_numpy(x.astype(np.float32))


@pytest.fixture(scope="session")
def torchvision_state() -> dict[str, torch.Tensor]:
    """All 8.3 million values of a torchvision S3D state dict, classifier included."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "torchvision_s3d.json").read_text())
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def i3d_state() -> dict[str, torch.Tensor]:
    """A state dict as the PyTorch port of Inception I3D has it, with 400 classes."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "inception_i3d.json").read_text())["shapes"]
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def milnce_state() -> dict[str, torch.Tensor]:
    """A state dict of MIL-NCE's S3D-G with both towers behind it, and 100 words in its table."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "milnce_s3dg.json").read_text())["shapes"]
    return {name: seeded(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def univl_state() -> dict[str, torch.Tensor]:
    """A state dict as UniVL has it, of 500 words; of tensors that are one there, the last one's values hold."""
    shapes = json.loads((Path(__file__).parent / "vectors" / "univl.json").read_text())["shapes"]
    state = {name: seeded(name, shape) for name, shape in shapes.items()}
    tied = {
        "decoder.classifier.cls.predictions.decoder.weight": (
            "bert.embeddings.word_embeddings.weight",
            "decoder.embeddings.word_embeddings.weight",
        ),
        "decoder.embeddings.position_embeddings.weight": ("bert.embeddings.position_embeddings.weight",),
    }
    for last, names in tied.items():
        state |= {name: state[last] for name in names}
    return state
