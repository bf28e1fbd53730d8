"""A VideoBERT state dict in the layout of the MDSKUL reproduction: BERT names, longer tables, alignment."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

from videobert.base.errors import ModelError
from videobert.model.config import ModelConfig
from videobert.model.recipe import Recipe
from videobert_modeling.importers.shared.bert_folder import Beside, assemble, import_folder
from videobert_modeling.importers.shared.bert_layout import open_bert
from videobert_modeling.importers.shared.intake import Intake
from videobert_modeling.importers.shared.visual_side import VisualSide
from videobert_modeling.model_folder.ledger import Ledger
from videobert_modeling.models import VideoBert
from videobert_modeling.models.configurations import checked

BERT_WORDS = 30_522
# 15 frames at 10 per second, pixels from -1 to 1. The original scaled each batch by its own extremes and stretched the
# picture to a square, which made a clip's token depend on its neighbours; neither is repeated here.
RECIPE = Recipe(fps=Fraction(10), frames=15, short_side=224, crop=224, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))


def read_mdskul(
    source: Path,
    side: VisualSide,
    ledger: Ledger,
    *,
    name: str = "videobert",
    words: int = BERT_WORDS,
    heads: int | None = None,
    strict: bool = True,
) -> VideoBert:
    """The model in a state dict, in evaluation mode; the ledger accounts for every tensor.

    Rows of the token table: `words` words, the visual tokens, the joiner (30,522 + 20,544 + 1 = 51,067 there).
    Alignment is one linear layer on the final [CLS] state, without a pooler; label 0 means aligned, as here. A file
    without an alignment layer gives a model without that head.

    Raises:
        ModelError: damaged, another layout, or a table that does not fit `words` or the codebook.
    """
    opened = open_bert(source, ledger, heads=heads, strict=strict, words=False)
    taken, sizes, intake = opened.tensors, opened.sizes, opened.intake
    if taken.bias is None:
        raise ModelError("the checkpoint has no prediction head", allowed="cls.predictions.*", fix="Import it as bert.")
    alignment = _alignment(intake, sizes.width)
    intake.finish()
    visual_tokens = len(taken.table) - words - 1
    if visual_tokens < 1:
        raise ModelError(
            "the token table has no room for visual tokens",
            seen=f"{len(taken.table)} rows",
            allowed=f"more than {words} words and the joiner",
            fix="Import a text-only BERT as bert, or pass words=… (--words).",
        )
    if side.codebook is not None and len(side.codebook) != visual_tokens:
        raise ModelError(
            "the centroids do not fit the checkpoint",
            seen=f"{len(side.codebook)} leaves",
            allowed=f"{visual_tokens} visual tokens",
            fix="Use the centroids that this model was trained with.",
        )
    config = checked(
        ModelConfig(
            name=name,
            words=words,
            visual_tokens=visual_tokens,
            backbone=side.config,
            encoder=sizes,
            heads=("text", "visual", "alignment") if alignment else ("text", "visual"),
            alignment_pooler=False,
            questions=side.questions,
            untrained=side.untrained,
        )
    )
    state = taken.state | side.heads | {"encoder.tokens.weight": taken.table, "heads.bias": taken.bias} | alignment
    if not alignment:
        ledger.notes.append("the source has no alignment layer, so the model has no alignment head")
    return assemble(config, state, seed=0)


def _alignment(intake: Intake, width: int) -> dict[str, Tensor]:
    found = [
        name.removesuffix(".weight")
        for name, shape in intake.left.items()
        if name.endswith(".weight") and shape == (2, width) and name.removesuffix("weight") + "bias" in intake
    ]
    if len(found) != 1:
        return {}  # more than one stay unexplained
    classifier = "heads.alignment.classifier."
    return {
        f"{classifier}weight": intake.take(f"{found[0]}.weight", f"{classifier}weight", (2, width)),
        f"{classifier}bias": intake.take(f"{found[0]}.bias", f"{classifier}bias", (2,)),
    }


def import_mdskul(
    source: Path,
    out: Path,
    *,
    name: str | None = None,
    tokenizer: Path | None = None,
    backbone: Path | None = None,
    centroids: Path | None = None,
    features: Sequence[Path] = (),
    recipe: Recipe = RECIPE,
    words: int = BERT_WORDS,
    heads: int | None = None,
    seed: int = 0,
    dtype: torch.dtype = torch.float16,
    strict: bool = True,
) -> Ledger:
    """Write the model folder `out`; see `read_mdskul` and `Beside` for the arguments."""

    def read(side: VisualSide, ledger: Ledger) -> VideoBert:
        return read_mdskul(source, side, ledger, name=name or out.name, words=words, heads=heads, strict=strict)

    beside = Beside(
        tokenizer=tokenizer, backbone=backbone, centroids=centroids, features=features, recipe=recipe, seed=seed
    )
    return import_folder(
        "MDSKUL VideoBERT",
        source,
        out,
        read,
        beside,
        whose_tokenizer=" with BERT's own",
        dtype=dtype,
        strict=strict,
    )
