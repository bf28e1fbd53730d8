"""A Hugging Face RoBERTa as the text half of a VideoBERT whose visual half is still to be trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from videobert.model.recipe import Recipe
from videobert_modeling.importers.shared.backbones import recipe_for
from videobert_modeling.importers.shared.bert_folder import Beside, import_folder
from videobert_modeling.importers.shared.byte_level_tokenizer import BYTE_LEVEL
from videobert_modeling.importers.shared.roberta_layout import open_roberta
from videobert_modeling.importers.shared.text_half import text_half
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import VideoBert


def read_roberta(
    source: Path,
    side: VisualSide,
    ledger: Ledger,
    *,
    name: str = "roberta",
    visual_tokens: int | None = None,
    heads: int | None = None,
    seed: int = 0,
    strict: bool = True,
) -> VideoBert:
    """A VideoBERT around the RoBERTa in `source`, in evaluation mode; the ledger accounts for every tensor.

    The model has one segment, for text and visual tokens alike.

    Args:
        source: a weights file or its folder; a `config.json` beside it gives heads and eps.
        side: backbone and codebook; a codebook fixes the number of visual tokens.
        visual_tokens: if there is no codebook; the paper's 20,736 by default.
        heads: attention heads, if there is no `config.json` and they are not 64 wide.
        seed: of the parts that the source does not have.
        strict: refuse tensors that nobody accounts for.

    Raises:
        ModelError: not a RoBERTa, damaged, or with unexplained tensors.
    """
    opened = open_roberta(source, ledger, heads=heads, strict=strict)
    opened.intake.finish()
    return text_half(opened.tensors, opened.sizes, side, ledger, name=name, visual_tokens=visual_tokens, seed=seed)


def import_roberta(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    tokenizer: Path | None = None,
    backbone: Path | None = None,
    centroids: Path | None = None,
    features: Sequence[Path] = (),
    recipe: Recipe | None = None,
    visual_tokens: int | None = None,
    heads: int | None = None,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    strict: bool = True,
) -> Ledger:
    """Write the model folder `out` around a RoBERTa; see `read_roberta` and `Beside` for the arguments.

    Args:
        tokenizer: `tokenizer.json`, or `vocab.json` with `merges.txt` beside it.
        recipe: by default the one that the backbone was trained with.
        dtype: how weights are stored; None for float16 where that holds every value of the sources, else float32.
    """
    recipe = recipe or recipe_for(backbone)

    def read(side: VisualSide, ledger: Ledger) -> VideoBert:
        return read_roberta(
            source,
            side,
            ledger,
            name=name or out.name,
            visual_tokens=visual_tokens,
            heads=heads,
            seed=seed,
            strict=strict,
        )

    beside = Beside(
        tokenizer=tokenizer, backbone=backbone, centroids=centroids, features=features, recipe=recipe, seed=seed
    )
    return import_folder("RoBERTa", source, out, read, beside, tokenizers=BYTE_LEVEL, dtype=dtype, strict=strict)
