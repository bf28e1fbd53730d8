"""A model folder of random weights, and what its export gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from videobert.model.recipe import Recipe
from videobert_modeling.export import ExportedGraph, export_folder
from videobert_modeling.models import S3D, VideoBert, save_weights, tiny

RECIPE = Recipe(frames=14, short_side=40, crop=32)


def _write_source(root: Path) -> None:
    config = tiny()
    torch.manual_seed(0)
    backbone = S3D(config.backbone.width, config.backbone.feature_dim)
    for name, buffer in backbone.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2)
        elif name.endswith("running_mean"):
            buffer.uniform_(-1, 1)
    model = VideoBert(config)
    with torch.no_grad():
        model.heads.bias.normal_()
    (root / "config.json").write_text(json.dumps(config.to_json()))
    (root / "recipe.json").write_text(json.dumps(RECIPE.to_json()))
    (root / "README.md").write_text("A card.\n")
    save_weights(model, backbone, root / "model.safetensors")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("source")
    _write_source(root)
    return root


@pytest.fixture(scope="session")
def exported(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[ExportedGraph, ...], list]:
    out = tmp_path_factory.mktemp("out") / "new" / "folder"
    steps: list[tuple[str, int, int]] = []
    graphs = export_folder(source, out, on_progress=lambda *step: steps.append(step))
    return out, graphs, steps


@pytest.fixture(scope="session")
def folder(exported: tuple[Path, tuple[ExportedGraph, ...], list]) -> Path:
    return exported[0]
