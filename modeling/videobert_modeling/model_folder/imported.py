"""Write what an importer made as a model folder that `videobert build` can export."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from videobert.base.limits import Limits
from videobert.model.recipe import Recipe
from videobert.text.reader import TextTokenizer
from videobert.visual.codebook import Codebook
from videobert_modeling.base.new_folder import write_whole
from videobert_modeling.model_folder.card import card_of
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import save_weights
from videobert_modeling.models.weights import Backbone, Model


def write_folder(
    out: Path,
    *,
    model: Model,
    backbone: Backbone,
    recipe: Recipe,
    tokenizer: bytes,
    codebook: Codebook | None,
    ledger: Ledger,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write config, recipe, tokenizer, codebook, weights, `import.json` (the ledger) and a model card.

    Graphs and manifest are written by `videobert build`.

    Raises:
        UsageError: `out` is taken.
        ModelError: the tokenizer does not fit the model, or a weight does not fit `dtype`.
    """
    TextTokenizer(tokenizer, model.config, Limits())

    def fill(folder: Path) -> None:
        _write_json(folder / "config.json", model.config.to_json())
        _write_json(folder / "recipe.json", recipe.to_json())
        _write_json(folder / "import.json", ledger.to_json())
        (folder / "tokenizer.json").write_bytes(tokenizer)
        (folder / "README.md").write_text(
            card_of(model.config, ledger.to_json(), sees=codebook is not None), encoding="utf-8"
        )
        save_weights(model, backbone, folder / "model.safetensors", dtype)
        if codebook is not None:
            codebook.save(folder / "codebook.safetensors")

    write_whole(out, fill)


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
